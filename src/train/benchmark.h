// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/files.h"
#include "metrics/run_config.h"

namespace spinfill {

// Timings of the code that trains and samples, on the configuration's data set or, where there is none, on a few
// synthetic vehicles made for it (the result says which). Peak memory is the process's resident set on a CPU and the
// allocator's peak on a GPU.

// Keys: seconds_per_step, views_per_second (generated views), peak_bytes, waiting_share (of the time, for data),
// loader_share and priors_share (one thread's time to make a step's batches without priors, and their priors, over the
// step's), parameters, device, threads, steps. `steps` steps count, after two that do not.
Json benchmark_training(const RunConfig& config, std::int64_t steps);

// Keys: seconds_per_view, seconds_per_step, views_per_second, peak_bytes, joint_seconds_per_view, joint_over_cached,
// priors_seconds, parameters, device, threads, steps. One missing view from seven references with `steps` steps of the
// configuration's solver; joint computes all eight views at every step instead of caching the references. Medians over
// `repeats` pairs taken in turn.
Json benchmark_sampling(const RunConfig& config, std::int64_t steps, std::int64_t repeats);

}  // namespace spinfill
