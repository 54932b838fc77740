// SPDX-License-Identifier: Apache-2.0
#include "train/benchmark.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "core/log.h"
#include "core/progress.h"
#include "data/loader.h"
#include "data/synth/synth.h"
#include "model/device.h"
#include "model/sampler.h"
#include "train/step.h"

namespace spinfill {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The configuration's data set, or synthetic vehicles in a folder that goes with this object.
class BenchmarkData {
 public:
  explicit BenchmarkData(DataConfig& config) {
    if (config.path.empty() || !fs::exists(config.path)) {
      folder_ = fs::temp_directory_path() / fmt::format("spinfill-bench-{}", ::getpid());
      synth::SynthOptions options;
      options.out = folder_;
      options.sets = 16;
      options.splits = {1, 0, 0};
      options.width = static_cast<int>(config.width);
      log_info("data.path '{}' does not exist: timing on 16 synthetic vehicles made for it", config.path);
      synth::make_sets(options);
      config.path = folder_.string();
    }
    set_ = open_data_set(config.path, "train");
  }
  ~BenchmarkData() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  BenchmarkData(const BenchmarkData&) = delete;
  BenchmarkData& operator=(const BenchmarkData&) = delete;
  const DataSet& set() const { return set_; }
  bool synthetic() const { return !folder_.empty(); }

 private:
  fs::path folder_;
  DataSet set_;
};

// Seconds of one thread per batch, pictures already decoded.
double seconds_per_batch(const MakeBatch& make, std::int64_t batches) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  for (std::int64_t i = 0; i < batches; ++i) make(i);  // fills the picture cache
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < batches; ++i) make(i);
  at::set_num_threads(threads);
  return seconds_since(start) / static_cast<double>(batches);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Json machine(const Denoiser& denoiser, const BenchmarkData& data) {
  return {{"parameters", denoiser.parameter_count()},
          {"device", denoiser.device().str()},
          {"threads", at::get_num_threads()},
          {"data", data.synthetic() ? "synthetic" : "data.path"}};
}

}  // namespace

Json benchmark_training(const RunConfig& given, std::int64_t steps) {
  RunConfig config = given;
  const BenchmarkData data(config.data);
  set_compute_threads(config);
  Denoiser denoiser(config.model, static_cast<std::uint64_t>(config.seed), choose_device(config.train.device));
  choose_trained(denoiser, config);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const PerceptualDistance perceptual = perceptual_distance(config, denoiser.device());
  TrainingStream stream;
  stream.seed = static_cast<std::uint64_t>(config.seed);
  stream.batch_size = config.train.micro_batch_sets;
  const std::int64_t accumulation = config.train.batch_sets / config.train.micro_batch_sets;

  constexpr std::int64_t kWarmUp = 2;
  Loader loader(training_batches(data.set(), config.data, stream), 0, (kWarmUp + steps) * accumulation,
                config.data.loader);
  Progress progress("bench train", kWarmUp + steps, "steps");
  auto start = Clock::now();
  double waited = 0;
  std::int64_t views = 0;
  for (std::int64_t step = 0; step < kWarmUp + steps; ++step) {
    if (step == kWarmUp) {
      start = Clock::now();
      waited = loader.waited_seconds();
      views = 0;
    }
    std::vector<Batch> batches;
    for (std::int64_t i = 0; i < accumulation; ++i) batches.push_back(loader.next().value());
    for (const Batch& batch : batches) views += batch.is_target.sum().item<std::int64_t>();
    train_step(denoiser, optimizer, batches, config, step, perceptual);
    progress.update(step + 1);
  }
  const double seconds = seconds_since(start) / static_cast<double>(steps);
  waited = loader.waited_seconds() - waited;

  const auto per_step = [&](bool priors) {
    stream.priors = priors;
    return static_cast<double>(accumulation) * seconds_per_batch(training_batches(data.set(), config.data, stream), 3);
  };
  const double loading = per_step(false), with_priors = per_step(true);
  Json result = {{"seconds_per_step", seconds},
                 {"views_per_second", static_cast<double>(views) / (seconds * static_cast<double>(steps))},
                 {"peak_bytes", peak_bytes(denoiser.device())},
                 {"waiting_share", waited / (seconds * static_cast<double>(steps))},
                 {"loader_share", loading / seconds},
                 {"priors_share", (with_priors - loading) / seconds},
                 {"steps", steps}};
  result.update(machine(denoiser, data));
  return result;
}

Json benchmark_sampling(const RunConfig& given, std::int64_t steps, std::int64_t repeats) {
  const at::NoGradGuard no_grad;
  RunConfig config = given;
  const BenchmarkData data(config.data);
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  const Denoiser denoiser(config.model, static_cast<std::uint64_t>(config.seed), choose_device(config.train.device));
  config.data.missing = {1};
  config.data.references.clear();
  const auto samples = evaluation_samples(data.set(), config.data, 1);
  const auto began = Clock::now();
  Batch batch = make_batch(data.set(), std::span(samples).first(1), config.data);
  batch.priors = compute_priors(batch.prior_inputs(), config.data.priors);
  const double priors = seconds_since(began);
  batch = batch.to(denoiser.device());

  const auto time_once = [&](bool cache) {
    SamplerConfig sampler = config.sampler;
    sampler.steps = steps;
    sampler.cache = cache;
    const auto start = Clock::now();
    generate(denoiser, batch, sampler, 1).sum().item<float>();  // waits for the device
    return seconds_since(start);
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
  const double seconds = median(cached);
  Json result = {{"seconds_per_view", seconds},
                 {"seconds_per_step", seconds / static_cast<double>(steps)},
                 {"views_per_second", 1 / seconds},
                 {"peak_bytes", peak_bytes(denoiser.device())},
                 {"joint_seconds_per_view", median(joint)},
                 {"joint_over_cached", median(ratio)},
                 {"priors_seconds", priors},
                 {"steps", steps}};
  result.update(machine(denoiser, data));
  return result;
}

}  // namespace spinfill
