// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/freed_memory.h"

#include <malloc.h>

namespace spinfill {

void keep_freed_memory() {
#ifdef __GLIBC__
  // Both, as setting one alone switches off glibc's own adaptation of the other. 32 MiB is the most that it takes.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  ::mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace spinfill
