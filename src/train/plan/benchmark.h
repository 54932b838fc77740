// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/files/json.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Timings of the code that trains and samples, on the configuration's data set or, where there is none, on a few
// synthetic vehicles made for it (the result says which). peak_bytes is the process's resident set on a CPU and what
// the allocator took on a GPU.

// Keys: seconds_per_step, views_per_second (generated views, of all processes), flops_per_step (model/cost/flops.h),
// flops_per_second, peak_flops_per_second and peak_of (of a large matrix product measured in the same run),
// peak_share, for known GPUs sheet_flops_per_second and sheet_share; peak_tensor_bytes (the most that tensors held in
// one process, in the timed steps: on a CPU all of them, the loader's too; on a GPU what its allocator gave out),
// peak_bytes; shares of the time: waiting_share (for data), communication_share (exchanges that backward does not hide:
// on a CPU as waited for, on GPUs 1 − the time of as many steps without exchanges / with), loader_share and
// priors_share (one thread's time to make a step's batches without priors, and their priors, over the step's);
// parameters, processes, device, threads, steps. `steps` steps count, after two that do not. The same on every rank.
// `ready`: the batches are made before the clock starts, so that the step's own work is timed and nothing beside it;
// peak_tensor_bytes then counts all of them.
Json benchmark_training(const RunConfig& config, std::int64_t steps, Ranks& ranks, bool ready = false);
Json benchmark_training(const RunConfig& config, std::int64_t steps, bool ready = false);  // of a process alone

// Keys: seconds_per_view, seconds_per_step, views_per_second, peak_bytes, joint_seconds_per_view, joint_over_cached,
// priors_seconds, parameters, device, threads, steps. One missing view from seven references with `steps` steps of the
// configuration's solver; joint computes all eight views at every step instead of caching the references. Medians over
// `repeats` pairs taken in turn.
Json benchmark_sampling(const RunConfig& config, std::int64_t steps, std::int64_t repeats);

}  // namespace spinfill
