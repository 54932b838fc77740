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
#include "train/plan/peak_of_tensors.h"
#include "train/step/set_up.h"

namespace spinfill {

SamplingBenchmark benchmark_sampling(const RunConfig& config, const SamplingBenchmarkOptions& options) {
  const at::NoGradGuard no_grad;
  const at::Device device = choose_device(config.train.device);
  PeakOfTensors peak(device);
  DataConfig missing = config.data;
  missing.missing = {options.missing};
  missing.references.clear();
  const DataSet data = open_data_set(config.data.path, "train", config.data.links());
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  Denoiser denoiser = random_denoiser(config, device);
  denoiser.to(dtype_of(options.precision));
  const auto samples = evaluation_samples(data, missing, 1);
  const Stopwatch making;
  Batch batch = make_batch(data, std::span(samples).first(1), missing);
  batch.priors = compute_priors(batch.prior_inputs(), missing.priors);
  SamplingBenchmark benchmark;
  benchmark.priors_seconds = making.seconds();
  batch = batch.to(denoiser.device());

  const auto time_once = [&](bool cache) {
    SamplerConfig sampler = config.sampler;
    sampler.steps = options.steps;
    sampler.cache = cache;
    const Stopwatch watch;
    generate(denoiser, batch, sampler, 1).sum().item<float>();  // waits for the device
    return watch.seconds();
  };
  std::vector<double> cached, joint, ratio;
  peak.reset();
  time_once(true);
  benchmark.peak_tensor_bytes = peak.bytes();
  Progress progress("bench sample", options.repeats, "pairs");
  for (std::int64_t i = 0; i < options.repeats; ++i) {
    cached.push_back(time_once(true));
    joint.push_back(time_once(false));
    ratio.push_back(joint.back() / cached.back());
    progress.update(i + 1);
  }
  const auto views = static_cast<double>(options.missing);
  benchmark.seconds_per_view = median(cached) / views;
  benchmark.seconds_per_step = median(cached) / static_cast<double>(options.steps);
  benchmark.views_per_second = 1 / benchmark.seconds_per_view;
  benchmark.peak_bytes = peak_bytes(denoiser.device());
  benchmark.joint_seconds_per_view = median(joint) / views;
  benchmark.joint_over_cached = median(ratio);
  benchmark.options = options;
  benchmark.subject = subject_of(denoiser);
  return benchmark;
}

}  // namespace spinfill
