// SPDX-License-Identifier: Apache-2.0
#include "train/plan/step_rate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "core/quantity.h"
#include "core/side_by_side.h"
#include "core/stopwatch.h"
#include "core/tensors/freed_memory.h"
#include "model/cost/cost.h"
#include "train/plan/device_rate.h"
#include "train/plan/work.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/step/step.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

// A real step is timed if, at a matrix product's rate, it would take at most this many seconds.
constexpr double kTimedAtMost = 20;

// Sets with every number of targets in turn.
Batch blank_micro_batch(const RunConfig& config, at::Device device) {
  const std::vector<ViewCounts> possible = possible_views(config.data);
  std::vector<ViewCounts> sets;
  for (std::int64_t i = 0; i < config.train.micro_batch_sets; ++i) {
    sets.push_back(possible[static_cast<std::size_t>(i) % possible.size()]);
  }
  return blank_batch(sets, config.data, device);
}

// A step of blank pictures, timed on this machine.
StepRate time_step(const RunConfig& config, at::Device device, std::int64_t at_once) {
  const KeepTorchThreads keep;
  set_compute_threads(config.train, config.data.loader);
  keep_freed_memory();
  Denoiser denoiser = random_denoiser(config, device);
  set_up_for_training(denoiser, config.train);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const std::vector<Batch> batches(static_cast<std::size_t>(at_once), blank_micro_batch(config, device));
  const std::int64_t step = config.train.steps - 1;
  Ranks alone;
  GradientExchange gradients(alone, {});
  const std::optional<Teacher> teacher = make_teacher(config, device, nullptr, denoiser.shared_autoencoder());
  TrainingStep training(denoiser, optimizer, config, alone, gradients, perceptual_distance(config, device), {},
                        teacher ? &*teacher : nullptr);
  const auto once = [&] {
    const Stopwatch watch;
    training.make(batches, step);  // ends with numbers read from the device
    return watch.seconds();
  };
  once();
  const double seconds = std::min(once(), once());
  const Denoiser shapes(config.model, 1, at::kMeta);
  const std::optional<Teacher> its_teacher = make_teacher(config, at::kMeta, nullptr, shapes.shared_autoencoder());
  const double flops = static_cast<double>(at_once) * training_flops(shapes, without_memory(batches.front()),
                                                                     loss_options_at(config.loss, config.train, step),
                                                                     static_cast<std::uint64_t>(config.seed),
                                                                     perceptual_distance(config, at::kMeta),
                                                                     its_teacher ? &*its_teacher : nullptr)
                                                          .total();
  return {flops / seconds, fmt::format("{} micro-batch{} timed on this machine ({}FLOP/s)", at_once,
                                       at_once == 1 ? "" : "es", rate_text(flops / seconds))};
}

}  // namespace

StepRate step_rate(const RunConfig& config, const PlanTarget& target, bool fits, double flops_per_step) {
  // Recomputed operations are not counted: they add a third to forward and backward.
  const double useful = target.utilisation * (config.train.gradient_checkpointing ? 0.75 : 1);
  if (target.flops_per_second > 0) {
    return {target.flops_per_second * useful,
            fmt::format("assumed: {:g} % of {}FLOP/s", 100 * target.utilisation, rate_text(target.flops_per_second))};
  }
  const at::Device device = target.gpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  if (target.gpu && !at::hasCUDA()) return {};
  const std::int64_t micro_batches = accumulation_of(config.train, target.processes);
  const std::int64_t together = micro_batches_at_once(config.train, processors(), micro_batches);
  const int threads = compute_threads(config.train, config.data.loader, processors());
  const MeasuredRate rate =
      measure_rate(device, dtype_of(config.train.precision), std::max(static_cast<int>(together), threads));
  const std::int64_t at_once = target.gpu ? 1 : together;
  const double timed = flops_per_step / static_cast<double>(target.processes * micro_batches) *
                       static_cast<double>(at_once) / (target.utilisation * rate.flops_per_second);
  if (fits && timed < kTimedAtMost) return time_step(config, device, at_once);
  return {rate.flops_per_second * useful,
          fmt::format("assumed: {:g} % of the {}FLOP/s of {} measured here", 100 * target.utilisation,
                      rate_text(rate.flops_per_second), rate.how)};
}

}  // namespace spinfill
