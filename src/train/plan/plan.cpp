// SPDX-License-Identifier: Apache-2.0
#include "train/plan/plan.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <utility>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/quantity.h"
#include "core/side_by_side.h"
#include "core/tensors/counted_memory.h"
#include "core/tensors/freed_memory.h"
#include "model/cost/cost.h"
#include "model/cost/meta_kernels.h"
#include "model/denoiser/weights.h"
#include "model/device.h"
#include "train/plan/device_rate.h"
#include "train/step/step.h"

namespace spinfill {
namespace {

// Beside tensors. On a GPU: the driver's context and libraries, their workspaces, and what the allocator's blocks
// waste. On a processor: the program and its libraries; decoded pictures come on top.
constexpr double kGpuReserve = 0.75 * (1 << 30), kGpuWaste = 0.05, kProgram = 0.4 * (1 << 30);
// Sums of gradients without overlap go out in pieces of this size (train/ranks/ranks.cpp).
constexpr std::int64_t kBucket = 25 << 20;
// Beside the batch that is trained on: the next one, and the one that is on its way (train/step/device_feed.h).
constexpr std::int64_t kAheadOnGpu = 2;
// A real step is timed where it would take no longer than this by a matrix product's rate.
constexpr double kTimedAtMost = 20;

// Numbers of targets that a sample may have, of sets with all views.
std::vector<ViewCounts> possible_views(const DataConfig& config) {
  std::set<std::int64_t> targets;
  for (const std::int64_t r : config.references) targets.insert(Batch::kViews - r);
  if (config.references.empty()) targets.insert(config.missing.begin(), config.missing.end());
  std::vector<ViewCounts> views;
  for (const std::int64_t t : targets) {
    if (t > 0) views.push_back({Batch::kViews - t, t});
  }
  if (views.empty()) fail_usage("data.missing and data.references leave no view to train on");
  return views;
}

// Shapes of micro-batches, of which each that is recorded keeps a batch: multisets of numbers of targets.
std::int64_t recorded_shapes(const RunConfig& config) {
  const std::int64_t kinds = std::ssize(possible_views(config.data));
  std::int64_t shapes = 1;
  for (std::int64_t i = 1; i < kinds; ++i) {
    shapes = shapes * (config.train.micro_batch_sets + i) / i;
    if (shapes >= static_cast<std::int64_t>(RecordedPasses::kMost)) return RecordedPasses::kMost;
  }
  return shapes;
}

struct Phase {
  std::int64_t steps;
  LossOptions loss;
};

std::vector<Phase> phases_of(const RunConfig& config) {
  const std::int64_t steps = config.train.steps;
  const auto regression =
      std::clamp(static_cast<std::int64_t>(std::ceil(config.train.regression_share * static_cast<double>(steps))),
                 std::int64_t{0}, steps);
  std::vector<Phase> phases;
  if (regression > 0) phases.push_back({regression, loss_options_at(config, 0)});
  if (regression < steps) phases.push_back({steps - regression, loss_options_at(config, steps - 1)});
  return phases;
}

std::int64_t bytes_of(const std::vector<at::Tensor>& tensors) {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

// A training process without memory, from which the sizes of everything in it are read.
class DryRun {
 public:
  DryRun(const RunConfig& config, const PlanTarget& target)
      : config_(config),
        target_(target),
        micro_batches_(accumulation_of(config.train, target.processes)),
        at_once_(target.gpu ? 1 : micro_batches_at_once(config, processors(), micro_batches_)),
        memory_(at::kMeta),
        denoiser_(config.model, static_cast<std::uint64_t>(config.seed), at::kMeta) {
    use_meta_kernels();
    choose_trained(denoiser_, config);
    set_up_for_training(denoiser_, config.train);
    denoiser_.set_autocast(parse_dtype(config.train.precision), target.gpu);
    for (const auto& [name, tensor] : denoiser_.trained_parameters()) parameters_.push_back(tensor);
    use_.weights = since_last();
    averaged_.emplace(config.model, static_cast<std::uint64_t>(config.seed), at::kMeta);
    choose_trained(*averaged_, config);
    use_.averaged = since_last();
    // What is not trained has one memory for both.
    for (const auto& [name, tensor] : denoiser_.parameters()) {
      if (!tensor.requires_grad()) use_.averaged -= static_cast<std::int64_t>(tensor.nbytes());
    }
    optimizer_.emplace(named_parameters(denoiser_), config.optimizer);
    use_.moments = since_last();
    if (config.train.shard_optimizer && target.processes > 1) {  // and this rank's slices of the weights
      for (std::int64_t* bytes : {&use_.averaged, &use_.moments}) *bytes /= target.processes;
      use_.moments += use_.weights / target.processes;
    }
    perceptual_ = perceptual_distance(config, at::kMeta);
    use_.perceptual = since_last();
  }

  MemoryUse step(const ViewCounts& views, const LossOptions& loss) {
    MemoryUse use = use_;
    const std::int64_t gradients = bytes_of(parameters_);
    if (target_.processes > 1) use.exchange = exchange_bytes(gradients);
    const std::vector<ViewCounts> sets(static_cast<std::size_t>(config_.train.micro_batch_sets), views);
    const auto blank = [&] { return blank_batch(sets, config_.data.height, config_.data.width, at::kMeta); };
    Batch own;  // the loader's, which a processor uses as it is
    own = blank();
    const std::int64_t batch = memory_.held() - before_step_;
    if (target_.gpu) {
      use.loader = kAheadOnGpu * batch;
      if (config_.train.cuda_graphs) use.loader += recorded_shapes(config_) * batch;
      own = {};
    } else {
      use.loader = (micro_batches_ + config_.data.loader.prefetch) * batch;
    }
    const std::int64_t before = memory_.held();
    memory_.reset_peak();
    const auto pass = [&] { return training_loss(denoiser_, target_.gpu ? blank() : own, loss, 1, perceptual_).sum; };
    if (at_once_ == 1) {  // one after the other, gradients added up in place
      for (std::int64_t i = 0; i < std::min<std::int64_t>(2, micro_batches_); ++i) pass().backward();
      use.gradients = gradients;
      use.pass = std::max<std::int64_t>(0, memory_.peak() - before - gradients);
      for (const at::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
    } else {  // each with gradients of its own, then their sum
      torch::autograd::grad({pass()}, parameters_, {}, {}, false, /*allow_unused=*/true);
      const std::int64_t one = memory_.peak() - before, groups = (micro_batches_ + at_once_ - 1) / at_once_;
      const std::int64_t summed = groups > 1 ? gradients : 0;
      const std::int64_t most = std::max(at_once_ * one + summed, (at_once_ + 1) * gradients);
      use.gradients = at_once_ * gradients + summed;
      use.pass = std::max<std::int64_t>(0, most - use.gradients);
    }
    return use;
  }

 private:
  std::int64_t since_last() {
    const std::int64_t held = memory_.held(), more = held - before_step_;
    before_step_ = held;
    return more;
  }
  std::int64_t exchange_bytes(std::int64_t gradients) const {
    if (config_.train.shard_optimizer) return 2 * kBucket;
    if (at_once_ == 1 && exchanges_while_backward(config_)) return gradients;  // the reducer's buckets
    std::int64_t largest = 0;
    for (const at::Tensor& parameter : parameters_) largest = std::max(largest, bytes_of({parameter}));
    return std::min(gradients, kBucket + largest);
  }

  const RunConfig& config_;
  const PlanTarget& target_;
  std::int64_t micro_batches_, at_once_, before_step_ = 0;
  CountedMemory memory_;
  Denoiser denoiser_;
  std::vector<at::Tensor> parameters_;
  std::optional<Denoiser> averaged_;
  std::optional<AdamW> optimizer_;
  PerceptualDistance perceptual_;
  MemoryUse use_;
};

// Without what the switches save: as the network is, not how it is computed.
double flops_of_set(const Denoiser& denoiser, const RunConfig& config, const LossOptions& loss,
                    const PerceptualDistance& perceptual) {
  const std::vector<ViewCounts> views = possible_views(config.data);
  const auto with_mode = [&](LossMode mode) {
    LossOptions options = loss;
    options.mode = mode;
    double flops = 0;
    for (const ViewCounts& counts : views) {
      flops += training_flops(denoiser, blank_batch({counts}, config.data.height, config.data.width, at::kMeta),
                              options, 1, perceptual)
                   .total();
    }
    return flops / static_cast<double>(views.size());
  };
  if (loss.mode != LossMode::mixed || loss.lpips == 0) return with_mode(loss.mode);
  return loss.regression_share * with_mode(LossMode::regression) +
         (1 - loss.regression_share) * with_mode(LossMode::diffusion);
}

double reserve_of(const RunConfig& config, const PlanTarget& target, double tensors) {
  if (target.gpu) return kGpuReserve + kGpuWaste * tensors;
  return kProgram + static_cast<double>(config.data.loader.cache_mib) * (1 << 20);
}

double needed_by(const RunConfig& config, const PlanTarget& target) {
  const auto tensors = static_cast<double>(training_memory(config, target).total());
  return tensors + reserve_of(config, target, tensors);
}

struct StepRate {
  double flops_per_second = 0;  // of one process, as reached in training
  std::string from;
};

// A step of blank pictures, timed on this machine.
StepRate time_step(const RunConfig& config, at::Device device, const PlanTarget& target) {
  const KeepTorchThreads keep;
  set_compute_threads(config);
  keep_freed_memory();
  const auto at_once =
      device.is_cpu() ? micro_batches_at_once(config, processors(), accumulation_of(config.train, target.processes))
                      : 1;
  Denoiser denoiser(config.model, static_cast<std::uint64_t>(config.seed), device);
  choose_trained(denoiser, config);
  set_up_for_training(denoiser, config.train);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const PerceptualDistance perceptual = perceptual_distance(config, device);
  const std::vector<ViewCounts> possible = possible_views(config.data);
  std::vector<ViewCounts> sets;
  for (std::int64_t i = 0; i < config.train.micro_batch_sets; ++i) {
    sets.push_back(possible[static_cast<std::size_t>(i) % possible.size()]);
  }
  const std::vector<Batch> batches(static_cast<std::size_t>(at_once),
                                   blank_batch(sets, config.data.height, config.data.width, device));
  const std::int64_t step = config.train.steps - 1;
  const auto once = [&] {
    const auto start = std::chrono::steady_clock::now();
    train_step(denoiser, optimizer, batches, config, step, perceptual);  // ends with numbers read from the device
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  once();
  const double seconds = std::min(once(), once());
  const Denoiser shapes(config.model, 1, at::kMeta);
  const double flops = static_cast<double>(at_once) *
                       training_flops(shapes, without_memory(batches.front()), loss_options_at(config, step),
                                      static_cast<std::uint64_t>(config.seed), perceptual_distance(config, at::kMeta))
                           .total();
  return {flops / seconds, fmt::format("{} micro-batch{} timed on this machine ({}FLOP/s)", at_once,
                                       at_once == 1 ? "" : "es", rate_text(flops / seconds))};
}

StepRate rate_of(const RunConfig& config, const PlanTarget& target, bool fits, double flops_per_step) {
  // Operations of the network are counted, not those that are made again: a third of forward and backward.
  const double useful = target.utilisation * (config.train.gradient_checkpointing ? 0.75 : 1);
  if (target.flops_per_second > 0) {
    return {target.flops_per_second * useful,
            fmt::format("assumed: {:g} % of {}FLOP/s", 100 * target.utilisation, rate_text(target.flops_per_second))};
  }
  const at::Device device = target.gpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  if (target.gpu && !at::hasCUDA()) return {};
  const std::int64_t micro_batches = accumulation_of(config.train, target.processes);
  const auto at_once = static_cast<int>(micro_batches_at_once(config, processors(), micro_batches));
  const MeasuredRate rate = measure_rate(device, parse_dtype(config.train.precision),
                                         std::max(at_once, compute_threads(config, processors())));
  const double timed = flops_per_step / static_cast<double>(target.processes * micro_batches) *
                       (target.gpu ? 1 : at_once) / (target.utilisation * rate.flops_per_second);
  if (fits && timed < kTimedAtMost) return time_step(config, device, target);
  return {rate.flops_per_second * useful,
          fmt::format("assumed: {:g} % of the {}FLOP/s of {} measured here", 100 * target.utilisation,
                      rate_text(rate.flops_per_second), rate.how)};
}

}  // namespace

MemoryUse training_memory(const RunConfig& config, const PlanTarget& target) {
  const std::vector<ViewCounts> views = possible_views(config.data);
  DryRun dry(config, target);
  MemoryUse most;
  for (const Phase& phase : phases_of(config)) {
    LossOptions loss = phase.loss;
    if (loss.mode == LossMode::mixed && loss.lpips > 0) loss.mode = LossMode::diffusion;  // LPIPS of every draw
    for (const ViewCounts& counts : {views.front(), views.back()}) {
      const MemoryUse use = dry.step(counts, loss);
      if (use.total() > most.total()) most = use;
    }
  }
  return most;
}

TrainingWork training_work(const RunConfig& config) {
  const Denoiser denoiser(config.model, 1, at::kMeta);
  const PerceptualDistance perceptual = perceptual_distance(config, at::kMeta);
  TrainingWork work;
  for (const Phase& phase : phases_of(config)) {
    work.flops += flops_of_set(denoiser, config, phase.loss, perceptual) *
                  static_cast<double>(config.train.batch_sets * phase.steps);
  }
  work.flops_per_step = work.flops / static_cast<double>(config.train.steps);
  return work;
}

std::vector<MemorySwitch> memory_switches(const PlanTarget& target) {
  std::vector<MemorySwitch> switches;
  // A further switch is a further entry; the order is that of the advice, the cheapest in time first.
  switches.push_back({"smaller micro-batches",
                      [target](RunConfig& config) {
                        TrainConfig& train = config.train;
                        for (std::int64_t sets = train.micro_batch_sets - 1; sets > 0; --sets) {
                          if (train.batch_sets % (sets * target.processes) != 0) continue;
                          train.micro_batch_sets = sets;
                          return true;
                        }
                        return false;
                      },
                      [](const RunConfig& config) {
                        return fmt::format("train.micro_batch_sets={}", config.train.micro_batch_sets);
                      }});
  if (target.processes > 1) {
    switches.push_back({"sharing the optimiser's state and the averaged weights",
                        [](RunConfig& config) { return !std::exchange(config.train.shard_optimizer, true); },
                        [](const RunConfig&) { return std::string("train.shard_optimizer=true"); }});
  }
  switches.push_back({"gradient checkpointing",
                      [](RunConfig& config) { return !std::exchange(config.train.gradient_checkpointing, true); },
                      [](const RunConfig&) { return std::string("train.gradient_checkpointing=true"); }});
  if (!target.gpu) {
    switches.push_back({"fewer micro-batches at once",
                        [target](RunConfig& config) {
                          const std::int64_t micro_batches = accumulation_of(config.train, target.processes);
                          const std::int64_t now = micro_batches_at_once(config, processors(), micro_batches);
                          if (now == 1) return false;
                          config.train.threads = now - 1;
                          return true;
                        },
                        [](const RunConfig& config) { return fmt::format("train.threads={}", config.train.threads); }});
    switches.push_back({"fewer pictures in memory",
                        [](RunConfig& config) { return std::exchange(config.data.loader.cache_mib, 0) > 0; },
                        [](const RunConfig&) { return std::string("data.loader.cache_mib=0"); }});
  }
  return switches;
}

Json plan_training(const RunConfig& config, const PlanTarget& target) {
  const MemoryUse use = training_memory(config, target);
  const auto tensors = static_cast<double>(use.total());
  const double reserve = reserve_of(config, target, tensors), needed = tensors + reserve;
  const auto fits = [&](double bytes) {
    return target.memory == 0 ? Json() : Json(bytes <= static_cast<double>(target.memory));
  };
  const auto whole = [](double bytes) { return static_cast<std::int64_t>(std::llround(bytes)); };
  Json plan = {{"fits", fits(needed)},
               {"needed_bytes", whole(needed)},
               {"memory_bytes", target.memory == 0 ? Json() : Json(target.memory)},
               {"tensors_bytes", use.total()},
               {"reserve_bytes", whole(reserve)},
               {"tensors",
                {{"weights", use.weights},
                 {"averaged", use.averaged},
                 {"moments", use.moments},
                 {"gradients", use.gradients},
                 {"perceptual", use.perceptual},
                 {"exchange", use.exchange},
                 {"pass", use.pass},
                 {"loader", use.loader}}},
               {"parameters", Denoiser(config.model, 1, at::kMeta).parameter_count()}};

  // What each switch saves by itself; and switches in turn, each as often as it can be used, until the run fits.
  const std::vector<MemorySwitch> switches = memory_switches(target);
  plan["switches"] = Json::array();
  for (const MemorySwitch& one : switches) {
    RunConfig changed = config;
    if (!one.turn_on(changed)) continue;
    const double then = needed_by(changed, target);
    if (then >= needed) continue;
    plan["switches"].push_back({{"name", one.name},
                                {"set", one.how(changed)},
                                {"saves_bytes", whole(needed - then)},
                                {"needed_bytes", whole(then)},
                                {"fits", fits(then)}});
  }
  plan["advice"] = Json();
  if (target.memory > 0 && !plan["fits"].get<bool>()) {
    RunConfig changed = config;
    std::vector<std::string> sets;
    double then = needed;
    for (const MemorySwitch& one : switches) {
      bool used = false;
      while (then > static_cast<double>(target.memory)) {
        RunConfig next = changed;
        if (!one.turn_on(next)) break;
        const double smaller = needed_by(next, target);
        if (smaller >= then) break;
        changed = next;
        then = smaller;
        used = true;
      }
      if (used) sets.push_back(one.how(changed));
    }
    if (then <= static_cast<double>(target.memory)) plan["advice"] = sets;
  }

  const TrainingWork work = training_work(config);
  const bool tried = plan["fits"].is_boolean() ? plan["fits"].get<bool>() : false;
  const StepRate rate = rate_of(config, target, tried, work.flops_per_step);
  const double all = rate.flops_per_second * target.processes;
  plan.update({{"steps", config.train.steps},
               {"flops_per_step", work.flops_per_step},
               {"flops", work.flops},
               {"seconds_per_step", all > 0 ? Json(work.flops_per_step / all) : Json()},
               {"seconds", all > 0 ? Json(work.flops / all) : Json()},
               {"rate_from", all > 0 ? Json(rate.from) : Json()},
               {"processes", target.processes},
               {"device", target.gpu ? "gpu" : "cpu"}});
  return plan;
}

}  // namespace spinfill
