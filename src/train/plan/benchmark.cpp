// SPDX-License-Identifier: Apache-2.0
#include "train/plan/benchmark.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>

#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/tensors/counted_memory.h"
#include "core/tensors/freed_memory.h"
#include "data/open_data_set.h"
#include "model/cost/cost.h"
#include "model/denoiser/weights.h"
#include "model/device.h"
#include "model/sampling/generate.h"
#include "synth/synth.h"
#include "train/checkpoints/training_state.h"
#include "train/plan/device_rate.h"
#include "train/step/device_feed.h"
#include "train/step/step.h"

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

// What is timed: steps as the trainer makes them.
class TimedTraining {
 public:
  TimedTraining(const RunConfig& config, Ranks& ranks)
      : config_(config),
        denoiser_(ready(config, ranks)),
        state_(denoiser_, config, ranks),
        perceptual_(perceptual_distance(config, denoiser_.device())),
        recording_(recording_of(config.train, denoiser_.device())) {
    state_.start_from(nullptr);
  }
  const Denoiser& denoiser() const { return denoiser_; }
  GradientExchange& gradients() { return state_.gradients(); }
  TrainingStep among(Ranks& ranks, GradientExchange& gradients) {
    return {denoiser_, state_.optimizer(), config_, ranks, gradients, perceptual_, recording_};
  }
  void average(std::int64_t step) { state_.average(ema_decay_at(config_.train.ema_decay, step)); }

 private:
  static Denoiser ready(const RunConfig& config, const Ranks& ranks) {
    Denoiser denoiser(config.model, static_cast<std::uint64_t>(config.seed),
                      choose_device(config.train.device, ranks.place().local_rank));
    choose_trained(denoiser, config);
    set_up_for_training(denoiser, config.train);
    return denoiser;
  }
  const RunConfig& config_;
  Denoiser denoiser_;
  TrainingState state_;
  PerceptualDistance perceptual_;
  MakeRecording recording_;
};

struct DoneStep {
  std::int64_t step;
  std::vector<Batch> shapes;  // of its micro-batches
};

double flops_of(const RunConfig& config, const std::vector<DoneStep>& steps) {
  const Denoiser denoiser(config.model, 1, at::kMeta);
  const PerceptualDistance perceptual = perceptual_distance(config, at::kMeta);
  double flops = 0;
  for (const DoneStep& done : steps) {
    const LossOptions options = loss_options_at(config, done.step);
    for (const Batch& batch : done.shapes) {
      flops += training_flops(denoiser, batch, options, static_cast<std::uint64_t>(config.seed), perceptual).total();
    }
  }
  return flops;
}

double sum_over(Ranks& ranks, double value) {
  at::Tensor total = at::full({1}, value, at::kDouble);
  ranks.sum(total);
  return total.item<double>();
}

}  // namespace

Json benchmark_training(const RunConfig& given, std::int64_t steps, Ranks& ranks, bool ready) {
  RunConfig config = given;
  const BenchmarkData data(config.data);
  set_compute_threads(config);
  keep_freed_memory();
  const at::Device device = choose_device(config.train.device, ranks.place().local_rank);
  std::optional<CountedMemory> memory;  // before the first tensor of the run
  if (device.is_cpu()) memory.emplace(at::kCPU);
  const std::int64_t accumulation = accumulation_of(config.train, ranks.world());
  TimedTraining training(config, ranks);
  TrainingStream stream;
  stream.seed = static_cast<std::uint64_t>(config.seed);
  stream.batch_size = config.train.micro_batch_sets;
  stream.rank = ranks.rank();
  stream.world = ranks.world();

  constexpr std::int64_t kWarmUp = 2;
  const bool compare = ranks.world() > 1 && !device.is_cpu();  // with as many steps without exchanges
  const std::int64_t all = kWarmUp + steps * (compare ? 2 : 1);
  DeviceFeed feed(data.set(), config.data, stream, 0, all * accumulation, device);
  std::deque<Batch> prepared;
  for (std::int64_t i = 0; ready && i < all * accumulation; ++i) prepared.push_back(feed.next());
  const auto next_batch = [&] {
    if (!ready) return feed.next();
    Batch batch = std::move(prepared.front());
    prepared.pop_front();
    return batch;
  };
  Progress progress("bench train", all, "steps");
  std::vector<DoneStep> timed;
  const auto make_steps = [&](std::int64_t first, std::int64_t last, TrainingStep& made) {
    const auto start = Clock::now();
    for (std::int64_t step = first; step < last; ++step) {
      timed.push_back({step, {}});
      const MicroBatches batches(accumulation, [&] {
        Batch batch = next_batch();
        timed.back().shapes.push_back(without_memory(batch));
        return batch;
      });
      made.make(batches, step);
      training.average(step);
      progress.update(step + 1);
    }
    return seconds_since(start);
  };
  TrainingStep together = training.among(ranks, training.gradients());
  make_steps(0, kWarmUp, together);
  timed.clear();
  if (memory) {
    memory->reset_peak();
  } else {
    reset_peak_allocated(device);
  }
  const double waited_before = feed.waited_seconds(), exchanged_before = ranks.waited_seconds();
  const double total = make_steps(kWarmUp, kWarmUp + steps, together);
  const double waited = feed.waited_seconds() - waited_before;
  double exchanged = ranks.waited_seconds() - exchanged_before;
  const auto peak = memory ? static_cast<std::uint64_t>(memory->peak()) : peak_allocated_bytes(device);
  const std::vector<DoneStep> counted = timed;
  if (compare) {
    Ranks alone;
    GradientExchange nothing(alone, {});
    TrainingStep by_itself = training.among(alone, nothing);
    exchanged = std::max(0.0, total - make_steps(kWarmUp + steps, all, by_itself));
  }
  std::int64_t views = 0;
  for (const DoneStep& done : counted) {
    for (const Batch& batch : done.shapes) views += batch.is_target.sum().item<std::int64_t>();
  }
  const double seconds = total / static_cast<double>(steps);
  const double flops = sum_over(ranks, flops_of(config, counted));

  // Priors where training makes them: in the loader, or on a GPU.
  const auto per_step = [&](bool priors) {
    stream.priors = priors && device.is_cpu();
    const MakeBatch make = training_batches(data.set(), config.data, stream);
    const MakeBatch moved = [&](std::int64_t step) {
      Batch batch = make(step).to(device);
      if (priors) batch.priors = compute_priors(batch.prior_inputs(), config.data.priors);
      batch.background.to(at::kCPU);  // waits for what is queued before it
      return batch;
    };
    return static_cast<double>(accumulation) * seconds_per_batch(device.is_cpu() ? make : moved, 3);
  };
  const double loading = per_step(false), with_priors = per_step(true);
  const auto at_once = static_cast<int>(micro_batches_at_once(config, processors(), accumulation));
  const at::ScalarType dtype = parse_dtype(config.train.precision);  // of the products
  const MeasuredRate rate = measure_rate(device, dtype, std::max(at_once, at::get_num_threads()));
  const double possible = sum_over(ranks, rate.flops_per_second);
  Json result = {{"seconds_per_step", seconds},
                 {"views_per_second", sum_over(ranks, static_cast<double>(views)) / total},
                 {"flops_per_step", flops / static_cast<double>(steps)},
                 {"flops_per_second", flops / total},
                 {"peak_flops_per_second", possible},
                 {"peak_of", rate.how + (ranks.world() > 1 ? ", in every process at once" : "")},
                 {"peak_share", flops / total / possible}};
  if (const auto sheet = sheet_rate(device_name(device))) {
    const double by_sheet =
        (dtype == at::kFloat ? sheet->float32 : sheet->bfloat16) * static_cast<double>(ranks.world());
    result["sheet_flops_per_second"] = by_sheet;
    result["sheet_share"] = flops / total / by_sheet;
  }
  result.update({{"peak_tensor_bytes", peak},
                 {"peak_bytes", peak_bytes(device)},
                 {"waiting_share", waited / total},
                 {"communication_share", exchanged / total},
                 {"loader_share", loading / seconds},
                 {"priors_share", (with_priors - loading) / seconds},
                 {"batches_ready", ready},
                 {"processes", ranks.world()},
                 {"steps", steps}});
  result.update(machine(training.denoiser(), data));
  return result;
}

Json benchmark_training(const RunConfig& config, std::int64_t steps, bool ready) {
  Ranks alone;
  return benchmark_training(config, steps, alone, ready);
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
