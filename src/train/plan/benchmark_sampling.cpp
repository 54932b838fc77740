// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <span>
#include <vector>

#include "core/progress.h"
#include "core/statistics.h"
#include "core/stopwatch.h"
#include "data/batches/make_batch.h"
#include "data/batches/samples.h"
#include "data/open_data_set.h"
#include "model/device.h"
#include "model/sampling/generate.h"
#include "train/plan/benchmark.h"

namespace spinfill {

SamplingBenchmark benchmark_sampling(const RunConfig& config, std::int64_t steps, std::int64_t repeats) {
  const at::NoGradGuard no_grad;
  DataConfig one_missing = config.data;
  one_missing.missing = {1};
  one_missing.references.clear();
  const DataSet data = open_data_set(config.data.path, "train", config.data.links());
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  const Denoiser denoiser(config.model, static_cast<std::uint64_t>(config.seed), choose_device(config.train.device));
  const auto samples = evaluation_samples(data, one_missing, 1);
  const Stopwatch making;
  Batch batch = make_batch(data, std::span(samples).first(1), one_missing);
  batch.priors = compute_priors(batch.prior_inputs(), one_missing.priors);
  SamplingBenchmark benchmark;
  benchmark.priors_seconds = making.seconds();
  batch = batch.to(denoiser.device());

  const auto time_once = [&](bool cache) {
    SamplerConfig sampler = config.sampler;
    sampler.steps = steps;
    sampler.cache = cache;
    const Stopwatch watch;
    generate(denoiser, batch, sampler, 1).sum().item<float>();  // waits for the device
    return watch.seconds();
  };
  std::vector<double> cached, joint, ratio;
  time_once(true);
  Progress progress("bench sample", repeats, "pairs");
  for (std::int64_t i = 0; i < repeats; ++i) {
    cached.push_back(time_once(true));
    joint.push_back(time_once(false));
    ratio.push_back(joint.back() / cached.back());
    progress.update(i + 1);
  }
  benchmark.seconds_per_view = median(cached);
  benchmark.seconds_per_step = benchmark.seconds_per_view / static_cast<double>(steps);
  benchmark.views_per_second = 1 / benchmark.seconds_per_view;
  benchmark.peak_bytes = peak_bytes(denoiser.device());
  benchmark.joint_seconds_per_view = median(joint);
  benchmark.joint_over_cached = median(ratio);
  benchmark.steps = steps;
  benchmark.subject = subject_of(denoiser);
  return benchmark;
}

}  // namespace spinfill
