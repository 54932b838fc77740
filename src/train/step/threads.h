// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "run/run_config.h"

namespace spinfill {

// Threads of tensor operations: train.threads, or one per core less those of the loader, at least one. One thread too
// many makes OpenMP's threads wait for each other, and a step can take tens of times longer.
int compute_threads(const TrainConfig& train, const LoaderConfig& loader, int cores);
void set_compute_threads(const TrainConfig& train, const LoaderConfig& loader);  // of this process

// Says where more threads are asked for (train.threads, data.loader.threads, OMP_NUM_THREADS, SLURM_CPUS_PER_TASK) than
// `allowed` cores can run; else empty.
std::string too_few_cores(const TrainConfig& train, const LoaderConfig& loader, int cores, double allowed);

// On the processor a step's micro-batches, and the batches of validation, run side by side, as many as train.threads or
// the cores allow, with one thread each for tensor operations. The result does not depend on how many do.
std::int64_t micro_batches_at_once(const TrainConfig& train, int cores, std::int64_t micro_batches);

}  // namespace spinfill
