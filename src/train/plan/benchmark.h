// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"
#include "train/plan/operator_profile.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Timings of the code that trains and samples, on the training split of the configuration's data set.

// What was timed, and on what.
struct BenchmarkSubject {
  std::int64_t parameters = 0;
  std::string device;
  int threads = 0;  // of tensor operations
};
BenchmarkSubject subject_of(const Denoiser& denoiser);

struct TrainingBenchmarkOptions {
  std::int64_t steps = 10;
  // The batches are made before the clock starts, so that only the step's own work is timed; peak_tensor_bytes then
  // counts all of them.
  bool ready = false;
  bool profile = false;  // times every tensor operator, too; on a processor
};
struct TrainingBenchmark {
  double seconds_per_step = 0;
  double views_per_second = 0;  // generated views, of all processes
  double flops_per_step = 0;    // model/cost/flops.h
  double flops_per_second = 0;
  double peak_flops_per_second = 0, peak_share = 0;           // of a large matrix product measured in the same run
  std::string peak_of;                                        // that product
  std::optional<double> sheet_flops_per_second, sheet_share;  // for known GPUs
  // The most bytes of tensors in one process during the timed steps: on a CPU all tensors, the loader's too; on a GPU
  // what its allocator gave out.
  std::uint64_t peak_tensor_bytes = 0;
  std::uint64_t peak_bytes = 0;  // the process's resident set on a CPU, what the allocator took on a GPU
  // Shares of the time: waiting for data; exchanges that backward does not hide (on a CPU the time waited, on GPUs 1 −
  // time without exchanges / time with them, over as many steps); one thread's time to make a step's batches without
  // priors, and to make their priors.
  double waiting_share = 0, communication_share = 0, loader_share = 0, priors_share = 0;
  bool batches_ready = false;
  int processes = 1;
  std::int64_t steps = 0;
  std::vector<OperatorTime> operators;  // this process's, of all steps; empty without `profile`
  BenchmarkSubject subject;
};
// Times steps, after two that do not count. All ranks call it together. Errors (usage): a profile on a GPU.
TrainingBenchmark benchmark_training(const RunConfig& config, const TrainingBenchmarkOptions& options, Ranks& ranks);

// The missing views of one vehicle from the others of eight, with `steps` steps of the configuration's solver; joint
// computes all eight views at every step instead of caching the references. Medians over `repeats` pairs taken in turn.
struct SamplingBenchmarkOptions {
  std::int64_t steps = 20, repeats = 3;
  std::int64_t missing = 1;  // views
  Precision precision = Precision::fp32;
};
struct SamplingBenchmark {
  double seconds_per_view = 0, seconds_per_step = 0, views_per_second = 0;
  std::uint64_t peak_tensor_bytes = 0;  // cached; as in TrainingBenchmark, what plan_sampling predicts
  std::uint64_t peak_bytes = 0;
  double joint_seconds_per_view = 0, joint_over_cached = 0;
  double priors_seconds = 0;
  SamplingBenchmarkOptions options;
  BenchmarkSubject subject;
};
SamplingBenchmark benchmark_sampling(const RunConfig& config, const SamplingBenchmarkOptions& options);

// Keys: the members' names, those of the subject last; what is not known is left out.
Json to_json(const TrainingBenchmark& benchmark);
Json to_json(const SamplingBenchmark& benchmark);

}  // namespace spinfill
