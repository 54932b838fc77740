// SPDX-License-Identifier: Apache-2.0
#include "core/side_by_side.h"

#include <ATen/Parallel.h>

namespace spinfill {

int processors() {
  static const int cores = at::get_num_threads();
  return cores;
}

KeepTorchThreads::KeepTorchThreads() : threads_(at::get_num_threads()) {}

KeepTorchThreads::~KeepTorchThreads() {
  at::set_num_threads(threads_);
}

void use_one_torch_thread() {
  at::get_num_threads();  // makes torch initialise this thread now: later that would undo the next line
  at::set_num_threads(1);
}

}  // namespace spinfill
