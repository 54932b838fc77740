// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/stopwatch.h"
#include "core/tensors/freed_memory.h"
#include "data/open_data_set.h"
#include "model/cost/cost.h"
#include "model/device.h"
#include "train/checkpoints/training_state.h"
#include "train/plan/benchmark.h"
#include "train/plan/device_rate.h"
#include "train/plan/peak_of_tensors.h"
#include "train/step/cuda_graph.h"
#include "train/step/device_feed.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/step/step.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

constexpr std::int64_t kWarmUp = 2;         // steps
constexpr std::int64_t kLoadedBatches = 3;  // over which one thread's time per batch is measured

Denoiser ready_denoiser(const RunConfig& config, at::Device device) {
  Denoiser denoiser = random_denoiser(config, device);
  set_up_for_training(denoiser, config.train);
  return denoiser;
}

double sum_over(Ranks& ranks, double value) {
  at::Tensor total = at::full({1}, value, at::kDouble);
  ranks.sum(total);
  return total.item<double>();
}

// A rank's batches, as the trainer takes them or made before anything is timed.
class Batches {
 public:
  Batches(const DataSet& data, const DataConfig& config, const TrainingStream& stream, std::int64_t count,
          at::Device device, bool ready)
      : feed_(data, config, stream, 0, count, device), ready_(ready) {
    for (std::int64_t i = 0; ready && i < count; ++i) prepared_.push_back(feed_.next());
  }
  Batch next() {
    if (!ready_) return feed_.next();
    Batch batch = std::move(prepared_.front());
    prepared_.pop_front();
    return batch;
  }
  double waited_seconds() const { return feed_.waited_seconds(); }

 private:
  DeviceFeed feed_;
  bool ready_;
  std::deque<Batch> prepared_;
};

struct DoneStep {
  std::int64_t step;
  std::vector<Batch> shapes;  // of its micro-batches
};

// Steps as the trainer makes them.
class TimedTraining {
 public:
  TimedTraining(const RunConfig& config, Ranks& ranks, at::Device device)
      : config_(config),
        accumulation_(accumulation_of(config.train, ranks.world())),
        denoiser_(ready_denoiser(config, device)),
        state_(denoiser_, config, ranks),
        perceptual_(perceptual_distance(config, device)),
        recording_(recording_of(config.train, device)),
        teacher_(make_teacher(config, device, nullptr, denoiser_.shared_autoencoder())) {
    state_.start_from(nullptr);
  }
  const Denoiser& denoiser() const { return denoiser_; }
  std::int64_t accumulation() const { return accumulation_; }
  GradientExchange& gradients() { return state_.gradients(); }
  TrainingStep among(Ranks& ranks, GradientExchange& gradients) {
    return {denoiser_, state_.optimizer(), config_,    ranks,
            gradients, perceptual_,        recording_, teacher_ ? &*teacher_ : nullptr};
  }
  // Makes steps first … last − 1; returns their seconds. Their shapes are added to `done`.
  double make(TrainingStep& training, Batches& batches, std::int64_t first, std::int64_t last, Progress& progress,
              std::vector<DoneStep>& done) {
    const Stopwatch watch;
    for (std::int64_t step = first; step < last; ++step) {
      done.push_back({step, {}});
      const MicroBatches micro_batches(accumulation_, [&] {
        Batch batch = batches.next();
        done.back().shapes.push_back(without_memory(batch));
        return batch;
      });
      training.make(micro_batches, step);
      state_.average(ema_decay_at(config_.train.ema_decay, step));
      progress.update(step + 1);
    }
    return watch.seconds();
  }

 private:
  const RunConfig& config_;
  std::int64_t accumulation_;
  Denoiser denoiser_;
  TrainingState state_;
  PerceptualDistance perceptual_;
  MakeRecording recording_;
  std::optional<Teacher> teacher_;
};

double flops_of(const RunConfig& config, const std::vector<DoneStep>& steps) {
  const Denoiser denoiser(config.model, 1, at::kMeta);
  const PerceptualDistance perceptual = perceptual_distance(config, at::kMeta);
  const std::optional<Teacher> teacher = make_teacher(config, at::kMeta, nullptr, denoiser.shared_autoencoder());
  double flops = 0;
  for (const DoneStep& done : steps) {
    const LossOptions options = loss_options_at(config.loss, config.train, done.step);
    for (const Batch& batch : done.shapes) {
      flops += training_flops(denoiser, batch, options, static_cast<std::uint64_t>(config.seed), perceptual,
                              teacher ? &*teacher : nullptr)
                   .total();
    }
  }
  return flops;
}

std::int64_t views_of(const std::vector<DoneStep>& steps) {
  std::int64_t views = 0;
  for (const DoneStep& done : steps) {
    for (const Batch& batch : done.shapes) views += batch.is_target.sum().item<std::int64_t>();
  }
  return views;
}

// Seconds of one thread per batch, pictures already decoded; with `priors`, they are made where training makes them: in
// the loader, or on a GPU.
double seconds_per_batch(const DataSet& data, const DataConfig& config, TrainingStream stream, at::Device device,
                         bool priors) {
  stream.priors = priors && device.is_cpu();
  const MakeBatch make = training_batches(data, config, stream);
  const auto make_there = [&](std::int64_t step) {
    if (device.is_cpu()) return make(step);
    Batch batch = make(step).to(device);
    if (priors) batch.priors = compute_priors(batch.prior_inputs(), config.priors);
    batch.background.to(at::kCPU);  // waits for what is queued before it
    return batch;
  };
  const KeepTorchThreads keep;
  at::set_num_threads(1);
  for (std::int64_t i = 0; i < kLoadedBatches; ++i) make_there(i);  // fills the picture cache
  const Stopwatch watch;
  for (std::int64_t i = 0; i < kLoadedBatches; ++i) make_there(i);
  return watch.seconds() / static_cast<double>(kLoadedBatches);
}

// Adds what the machine could do, to compare `benchmark` with.
void compare_with_machine(TrainingBenchmark& benchmark, const RunConfig& config, at::Device device,
                          std::int64_t accumulation, Ranks& ranks) {
  const auto at_once = static_cast<int>(micro_batches_at_once(config.train, processors(), accumulation));
  const at::ScalarType dtype = dtype_of(config.train.precision);  // of the products
  const MeasuredRate rate = measure_rate(device, dtype, std::max(at_once, at::get_num_threads()));
  benchmark.peak_flops_per_second = sum_over(ranks, rate.flops_per_second);
  benchmark.peak_of = rate.how + (ranks.world() > 1 ? ", in every process at once" : "");
  benchmark.peak_share = benchmark.flops_per_second / benchmark.peak_flops_per_second;
  if (const auto sheet = sheet_rate(device_name(device))) {
    const double of_one = dtype == at::kFloat ? sheet->float32 : sheet->bfloat16;
    benchmark.sheet_flops_per_second = of_one * static_cast<double>(ranks.world());
    benchmark.sheet_share = benchmark.flops_per_second / *benchmark.sheet_flops_per_second;
  }
}

}  // namespace

TrainingBenchmark benchmark_training(const RunConfig& config, const TrainingBenchmarkOptions& options, Ranks& ranks) {
  const std::int64_t steps = options.steps;
  // ---- Data, memory, network and batches in the trainer's order.
  const DataSet data = open_data_set(config.data.path, "train", config.data.links());
  set_compute_threads(config.train, config.data.loader);
  keep_freed_memory();
  const at::Device device = choose_device(config.train.device, ranks.place().local_rank);
  if (options.profile && !device.is_cpu())
    fail_usage("operators are timed on a processor; on a GPU they only queue their work: use NVIDIA's nsys there");
  PeakOfTensors peak(device);
  TimedTraining training(config, ranks, device);
  const TrainingStream stream = training_stream(config, ranks);
  const bool compare = ranks.world() > 1 && !device.is_cpu();  // with as many steps without exchanges
  const std::int64_t all = kWarmUp + steps * (compare ? 2 : 1);
  Batches batches(data, config.data, stream, all * training.accumulation(), device, options.ready);

  // ---- Steps: some to warm up, those that count, and on GPUs as many without exchanges.
  Progress progress("bench train", all, "steps");
  TrainingStep together = training.among(ranks, training.gradients());
  std::vector<DoneStep> done;
  training.make(together, batches, 0, kWarmUp, progress, done);
  done.clear();
  peak.reset();
  const double waited_before = batches.waited_seconds(), exchanged_before = ranks.waited_seconds();
  std::optional<OperatorProfile> profile;
  if (options.profile) profile.emplace();
  const double total = training.make(together, batches, kWarmUp, kWarmUp + steps, progress, done);
  const double waited = batches.waited_seconds() - waited_before;
  double exchanged = ranks.waited_seconds() - exchanged_before;
  TrainingBenchmark benchmark;
  if (profile) benchmark.operators = profile->times();
  profile.reset();
  benchmark.peak_tensor_bytes = peak.bytes();
  if (compare) {
    Ranks alone;
    GradientExchange nothing(alone, {});
    TrainingStep by_itself = training.among(alone, nothing);
    std::vector<DoneStep> apart;
    exchanged = std::max(0.0, total - training.make(by_itself, batches, kWarmUp + steps, all, progress, apart));
  }

  // ---- Results.
  benchmark.seconds_per_step = total / static_cast<double>(steps);
  const double flops = sum_over(ranks, flops_of(config, done));
  benchmark.flops_per_step = flops / static_cast<double>(steps);
  benchmark.flops_per_second = flops / total;
  const auto a_step = static_cast<double>(training.accumulation());
  const double loading = a_step * seconds_per_batch(data, config.data, stream, device, false);
  const double with_priors = a_step * seconds_per_batch(data, config.data, stream, device, true);
  benchmark.loader_share = loading / benchmark.seconds_per_step;
  benchmark.priors_share = (with_priors - loading) / benchmark.seconds_per_step;
  compare_with_machine(benchmark, config, device, training.accumulation(), ranks);
  benchmark.views_per_second = sum_over(ranks, static_cast<double>(views_of(done))) / total;
  benchmark.peak_bytes = peak_bytes(device);
  benchmark.waiting_share = waited / total;
  benchmark.communication_share = exchanged / total;
  benchmark.batches_ready = options.ready;
  benchmark.processes = ranks.world();
  benchmark.steps = steps;
  benchmark.subject = subject_of(training.denoiser());
  return benchmark;
}

}  // namespace spinfill
