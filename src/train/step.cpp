// SPDX-License-Identifier: Apache-2.0
#include "train/step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/side_by_side.h"
#include "metrics/lpips.h"
#include "model/loss.h"
#include "model/weights.h"

namespace spinfill {

LossOptions loss_options_at(const RunConfig& config, std::int64_t step) {
  LossOptions options = config.loss;
  const bool regression =
      static_cast<double>(step) < config.train.regression_share * static_cast<double>(config.train.steps);
  if (regression) options.mode = "regression";
  if (regression) options.draws = 1;  // every draw would be the same input
  return options;
}

namespace {

// A micro-batch's loss and its gradients, kept apart from the parameters' own; undefined where it has no influence.
struct Share {
  TrainingLoss loss;
  std::vector<at::Tensor> gradients;
};

std::vector<Share> shares_of(std::span<const Batch> micro_batches, const std::vector<at::Tensor>& parameters,
                             const std::function<TrainingLoss(const Batch&)>& loss_of) {
  return side_by_side(micro_batches.size(), [&](std::size_t i) {
    Share share{loss_of(micro_batches[i]), {}};
    share.gradients = torch::autograd::grad({share.loss.sum}, parameters, {}, {}, false, /*allow_unused=*/true);
    share.loss.sum = share.loss.sum.detach();
    return share;
  });
}

}  // namespace

StepStatistics train_step(const Denoiser& denoiser, AdamW& optimizer, const std::vector<Batch>& micro_batches,
                          const RunConfig& config, std::int64_t step, Ranks& ranks, GradientExchange& gradients,
                          const PerceptualDistance& perceptual) {
  const LossOptions options = loss_options_at(config, step);
  StepStatistics statistics;
  optimizer.zero_grad();
  std::vector<at::Tensor> losses, errors;  // of the micro-batches, on the device
  const auto loss_of = [&](const Batch& given) {
    Batch batch = given.to(denoiser.device());
    if (!batch.has_priors()) batch.priors = compute_priors(batch.prior_inputs(), config.data.priors);
    return training_loss(denoiser, batch, options, static_cast<std::uint64_t>(config.seed), perceptual);
  };
  const auto count = [&](const TrainingLoss& loss) {
    losses.push_back(loss.sum.detach());
    errors.push_back(loss.squared_error);
    statistics.values += loss.count;
  };
  const auto at_once = static_cast<std::size_t>(
      denoiser.device().is_cpu() ? micro_batches_at_once(config, processors(), std::ssize(micro_batches)) : 1);
  if (at_once == 1) {
    for (std::size_t i = 0; i < micro_batches.size(); ++i) {
      const TrainingLoss loss = loss_of(micro_batches[i]);
      gradients.backward(loss.sum, i + 1 == micro_batches.size());
      count(loss);
    }
  } else {
    // In the order of the micro-batches, so that the number of cores changes no bit.
    std::vector<at::Tensor> parameters;
    for (const auto& [name, tensor] : denoiser.trained_parameters()) parameters.push_back(tensor);
    for (std::size_t first = 0; first < micro_batches.size(); first += at_once) {
      const auto some = std::span(micro_batches).subspan(first, std::min(at_once, micro_batches.size() - first));
      for (const Share& share : shares_of(some, parameters, loss_of)) {
        optimizer.add_gradients(parameters, share.gradients);
        count(share.loss);
      }
    }
    gradients.sum_now();
  }
  const at::Tensor own = at::stack(losses).to(at::kCPU, at::kDouble);
  for (std::size_t i = 0; i < micro_batches.size(); ++i) {
    if (std::isfinite(own[static_cast<std::int64_t>(i)].item<double>())) continue;
    statistics.suspects.insert(statistics.suspects.end(), micro_batches[i].ids.begin(), micro_batches[i].ids.end());
  }
  at::Tensor totals = at::stack({own.sum(), at::stack(errors).to(at::kCPU, at::kDouble).sum(),
                                 at::scalar_tensor(statistics.values, at::kDouble)});
  ranks.sum(totals);
  const auto loss_sum = totals[0].item<double>(), error_sum = totals[1].item<double>();
  statistics.values = static_cast<std::int64_t>(totals[2].item<double>());
  optimizer.scale_gradients(gradients.factor() / static_cast<double>(statistics.values));
  statistics.gradient_norm = gradients.norm(optimizer.gradient_norm().item<double>());
  statistics.loss = loss_sum / static_cast<double>(statistics.values);
  statistics.squared_error = error_sum / static_cast<double>(statistics.values);
  statistics.finite = std::isfinite(statistics.gradient_norm) && std::isfinite(statistics.loss);
  if (!statistics.finite) return statistics;
  optimizer.clip_gradients(statistics.gradient_norm, config.optimizer.max_gradient_norm);
  optimizer.step(learning_rate_at(config.optimizer, step, config.train.steps));
  gradients.publish();
  return statistics;
}

StepStatistics train_step(const Denoiser& denoiser, AdamW& optimizer, const std::vector<Batch>& micro_batches,
                          const RunConfig& config, std::int64_t step, const PerceptualDistance& perceptual) {
  Ranks alone;
  GradientExchange gradients(alone, {});
  return train_step(denoiser, optimizer, micro_batches, config, step, alone, gradients, perceptual);
}

std::int64_t accumulation_of(const TrainConfig& config, int world) {
  const std::int64_t micro_batches = config.batch_sets / config.micro_batch_sets;
  if (micro_batches % world != 0) {
    fail_usage(
        "train.batch_sets {} with train.micro_batch_sets {} makes {} micro-batches a step, which {} processes cannot "
        "share evenly: change one of the three",
        config.batch_sets, config.micro_batch_sets, micro_batches, world);
  }
  return micro_batches / world;
}

bool exchanges_while_backward(const RunConfig& config) {
  return std::ranges::count(config.data.references, 0) + std::ranges::count(config.data.missing, 8) == 0;
}

void prepare_for(at::Device device, TrainingStream& stream) {
  stream.priors = !device.is_cuda();
  stream.pinned = device.is_cuda();
}

std::int64_t micro_batches_at_once(const RunConfig& config, int cores, std::int64_t micro_batches) {
  return std::clamp<std::int64_t>(config.train.threads > 0 ? config.train.threads : cores, 1, micro_batches);
}

PerceptualDistance perceptual_distance(const RunConfig& config, at::Device device) {
  if (config.loss.lpips <= 0) return {};
  const LpipsChoice choice = choose_lpips(config.evaluation.lpips, device);
  if (!choice.lpips) fail_usage("loss.lpips is {}: {}", config.loss.lpips, choice.absent);
  return [lpips = choice.lpips](const at::Tensor& pictures, const at::Tensor& truths) {
    return lpips->differentiable_distance(pictures, truths);
  };
}

int compute_threads(const RunConfig& config, int cores) {
  if (config.train.threads > 0) return static_cast<int>(config.train.threads);
  return std::max(1, cores - static_cast<int>(config.data.loader.threads));
}

void set_compute_threads(const RunConfig& config) {
  at::set_num_threads(compute_threads(config, processors()));
}

void set_up_for_training(Denoiser& denoiser, const TrainConfig& config) {
  denoiser.set_channels_last(config.channels_last);
  denoiser.set_autocast(parse_dtype(config.precision));
  denoiser.set_gradient_checkpointing(config.gradient_checkpointing);
  // On a GPU attention that no fused kernel (flash, cuDNN, memory-efficient) takes is an error, not ten times slower.
  if (denoiser.device().is_cuda()) at::globalContext().setSDPUseMath(false);
}

std::vector<NamedParameter> named_parameters(const Denoiser& denoiser) {
  std::vector<NamedParameter> list;
  for (auto& [name, tensor] : denoiser.trained_parameters()) list.push_back({name, tensor});
  return list;
}

void choose_trained(Denoiser& denoiser, const RunConfig& config) {
  if (config.train.lora.rank > 0) denoiser.add_adapters(config.train.lora, static_cast<std::uint64_t>(config.seed));
  if (!config.train.freeze.empty()) denoiser.freeze(config.train.freeze);
}

}  // namespace spinfill
