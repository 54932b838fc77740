// SPDX-License-Identifier: Apache-2.0
#include "train/step/threads.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/side_by_side.h"

namespace spinfill {

int compute_threads(const TrainConfig& train, const LoaderConfig& loader, int cores) {
  if (train.threads > 0) return static_cast<int>(train.threads);
  return std::max(1, cores - static_cast<int>(loader.threads));
}

void set_compute_threads(const TrainConfig& train, const LoaderConfig& loader) {
  at::set_num_threads(compute_threads(train, loader, processors()));
}

std::string too_few_cores(const TrainConfig& train, const LoaderConfig& loader, int cores, double allowed) {
  std::pair<double, const char*> asked = {
      cores, std::getenv("OMP_NUM_THREADS") ? "OMP_NUM_THREADS" : "as the machine has cores"};
  if (train.threads > 0) asked = {static_cast<double>(train.threads), "train.threads"};
  asked = std::max(asked, {static_cast<double>(loader.threads), "data.loader.threads"});
  if (const char* slurm = std::getenv("SLURM_CPUS_PER_TASK"))
    asked = std::max(asked, {std::strtod(slurm, nullptr), "SLURM_CPUS_PER_TASK"});
  if (asked.first <= allowed) return "";
  return fmt::format(
      "{} threads are asked for ({}), but this process may use {:.3g} core{}: they will wait for each other; srun "
      "needs "
      "--cpus-per-task of its own, a container a higher limit, or ask for fewer threads",
      asked.first, asked.second, allowed, allowed == 1 ? "" : "s");
}

std::int64_t micro_batches_at_once(const TrainConfig& train, int cores, std::int64_t micro_batches) {
  return std::clamp<std::int64_t>(train.threads > 0 ? train.threads : cores, 1, micro_batches);
}

}  // namespace spinfill
