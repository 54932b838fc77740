// SPDX-License-Identifier: Apache-2.0
#include "train/plan/memory.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include "core/side_by_side.h"
#include "core/tensors/counted_memory.h"
#include "model/cost/meta_kernels.h"
#include "train/plan/work.h"
#include "train/ranks/ranks.h"
#include "train/step/gradient_exchange.h"
#include "train/step/recorded_pass.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

// Besides tensors. On a GPU: the driver's context and libraries, their workspaces, and what the allocator's blocks
// waste. On a processor: the program and its libraries; decoded pictures come on top.
constexpr double kGpuReserve = 0.75 * (1 << 30), kGpuWaste = 0.05, kProgram = 0.4 * (1 << 30);
// Besides the batch that is trained on: the next one, and the one being copied (train/step/device_feed.h).
constexpr std::int64_t kAheadOnGpu = 2;

std::int64_t bytes_of(const std::vector<at::Tensor>& tensors) {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

// How many shapes of micro-batches are recorded, each keeping a batch; a shape is a multiset of numbers of targets.
std::int64_t recorded_shapes(const DataConfig& data, std::int64_t micro_batch_sets) {
  const std::int64_t kinds = std::ssize(possible_views(data));
  std::int64_t shapes = 1;
  for (std::int64_t i = 1; i < kinds; ++i) {
    shapes = shapes * (micro_batch_sets + i) / i;
    if (shapes >= static_cast<std::int64_t>(RecordedPasses::kMost)) return RecordedPasses::kMost;
  }
  return shapes;
}

// A training process without memory, from which the sizes of everything in it are read.
class DryRun {
 public:
  DryRun(const RunConfig& config, const PlanTarget& target)
      : config_(config),
        target_(target),
        micro_batches_(accumulation_of(config.train, target.processes)),
        at_once_(target.gpu ? 1 : micro_batches_at_once(config.train, processors(), micro_batches_)),
        memory_(at::kMeta),
        denoiser_(random_denoiser(config, at::kMeta)) {
    set_up_for_training(denoiser_, config.train);
    denoiser_.set_autocast(dtype_of(config.train.precision), target.gpu);
    parameters_ = trained_tensors(denoiser_);
    use_.weights = since_last();
    averaged_ = random_denoiser(config, at::kMeta, denoiser_.shared_autoencoder());
    use_.averaged = since_last();
    // What is not trained shares one memory in both models.
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
    teacher_ = make_teacher(config, at::kMeta, nullptr, denoiser_.shared_autoencoder());
    use_.teacher = since_last();
  }

  MemoryUse step(const ViewCounts& views, const LossOptions& loss) {
    MemoryUse use = use_;
    const std::int64_t gradients = bytes_of(parameters_);
    if (target_.processes > 1) use.exchange = exchange_bytes(gradients);
    const std::vector<ViewCounts> sets(static_cast<std::size_t>(config_.train.micro_batch_sets), views);
    const DataConfig& data = config_.data;
    const auto blank = [&] { return blank_batch(sets, data, at::kMeta); };
    Batch own;  // the loader's, which a processor uses as it is
    own = blank();
    use.loader = loader_bytes(memory_.held() - before_step_);
    if (target_.gpu) own = {};
    const std::int64_t before = memory_.held();
    memory_.reset_peak();
    const Teacher* teacher = teacher_ ? &*teacher_ : nullptr;
    const auto pass = [&] {
      return loss_of_step(denoiser_, teacher, target_.gpu ? blank() : own, loss, 1, perceptual_).sum;
    };
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
    if (config_.train.shard_optimizer) return 2 * kBucketBytes;
    // The reducer's buckets.
    if (at_once_ == 1 && exchanges_while_backward(config_.train, config_.data)) return gradients;
    std::int64_t largest = 0;
    for (const at::Tensor& parameter : parameters_) largest = std::max(largest, bytes_of({parameter}));
    return std::min(gradients, kBucketBytes + largest);
  }
  std::int64_t loader_bytes(std::int64_t batch) const {
    if (!target_.gpu) return (micro_batches_ + config_.data.loader.prefetch) * batch;
    if (!config_.train.cuda_graphs) return kAheadOnGpu * batch;
    return (kAheadOnGpu + recorded_shapes(config_.data, config_.train.micro_batch_sets)) * batch;
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
  std::optional<Teacher> teacher_;
  MemoryUse use_;
};

}  // namespace

MemoryUse training_memory(const RunConfig& config, const PlanTarget& target) {
  const std::vector<ViewCounts> views = possible_views(config.data);
  use_meta_kernels();
  DryRun dry(config, target);
  MemoryUse most;
  for (const TrainingPhase& phase : training_phases(config.loss, config.train)) {
    LossOptions loss = phase.loss;
    if (loss.mode == LossMode::mixed && loss.lpips > 0) loss.mode = LossMode::diffusion;  // LPIPS of every draw
    for (const ViewCounts& counts : {views.front(), views.back()}) {
      const MemoryUse use = dry.step(counts, loss);
      if (use.total() > most.total()) most = use;
    }
  }
  return most;
}

double memory_reserve(const LoaderConfig& loader, const PlanTarget& target, double tensors) {
  if (target.gpu) return kGpuReserve + kGpuWaste * tensors;
  return kProgram + static_cast<double>(loader.cache_mib) * (1 << 20);
}

}  // namespace spinfill
