// SPDX-License-Identifier: Apache-2.0
#include "train/step/threads.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "core/side_by_side.h"

namespace spinfill {

int compute_threads(const TrainConfig& train, const LoaderConfig& loader, int cores) {
  if (train.threads > 0) return static_cast<int>(train.threads);
  return std::max(1, cores - static_cast<int>(loader.threads));
}

void set_compute_threads(const TrainConfig& train, const LoaderConfig& loader) {
  at::set_num_threads(compute_threads(train, loader, processors()));
}

std::int64_t micro_batches_at_once(const TrainConfig& train, int cores, std::int64_t micro_batches) {
  return std::clamp<std::int64_t>(train.threads > 0 ? train.threads : cores, 1, micro_batches);
}

}  // namespace spinfill
