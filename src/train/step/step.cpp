// SPDX-License-Identifier: Apache-2.0
#include "train/step/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <utility>

#include <torch/csrc/autograd/autograd.h>

#include "core/side_by_side.h"
#include "model/denoiser/loss.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

// A micro-batch's loss and its gradients, kept apart from the parameters' own; undefined where one has no influence.
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

MicroBatches::MicroBatches(std::int64_t count, std::function<Batch()> next) : count(count), next(std::move(next)) {}

MicroBatches::MicroBatches(std::vector<Batch> batches)
    : count(std::ssize(batches)),
      next([batches = std::move(batches), i = std::size_t{0}]() mutable { return std::move(batches.at(i++)); }) {}

TrainingStep::TrainingStep(const Denoiser& denoiser, AdamW& optimizer, const RunConfig& config, Ranks& ranks,
                           GradientExchange& gradients, PerceptualDistance perceptual, const MakeRecording& recording,
                           const Teacher* teacher)
    : denoiser_(denoiser),
      optimizer_(optimizer),
      config_(config),
      ranks_(ranks),
      gradients_(gradients),
      perceptual_(std::move(perceptual)),
      teacher_(teacher) {
  if (recording) recorded_.emplace(denoiser, recording);
}

// Results of a rank's micro-batches, in their order; tensors on the device.
struct TrainingStep::Passed {
  std::vector<at::Tensor> losses, squared_errors;
  std::vector<std::vector<std::string>> vehicles;
  std::int64_t values = 0, views = 0;
  void add(const TrainingLoss& loss) {
    losses.push_back(loss.sum.detach());
    squared_errors.push_back(loss.squared_error);
    values += loss.count;
  }
};

TrainingStep::Passed TrainingStep::pass_over(const MicroBatches& micro_batches, const LossOptions& options) {
  const auto seed = static_cast<std::uint64_t>(config_.seed);
  Passed passed;
  const auto next = [&] {
    Batch batch = micro_batches.next();
    passed.vehicles.push_back(batch.ids);
    passed.views += batch.is_target.sum().item<std::int64_t>();
    return batch;
  };
  const auto loss_of = [&](const Batch& batch) {
    return loss_of_step(denoiser_, teacher_, batch, options, seed, perceptual_);
  };
  const std::int64_t count = micro_batches.count;
  const std::int64_t at_once =
      denoiser_.device().is_cpu() ? micro_batches_at_once(config_.train, processors(), count) : 1;
  if (recorded_) {
    recorded_->begin_step();
    for (std::int64_t i = 0; i < count; ++i) {
      const Batch batch = next();
      passed.add(recorded_->add(batch, draw_training(denoiser_, batch, options, seed), options));
    }
    gradients_.sum_now();
  } else if (at_once == 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      const TrainingLoss loss = loss_of(next());
      gradients_.backward(loss.sum, i + 1 == count);
      passed.add(loss);
    }
  } else {
    // In the order of the micro-batches, so that the number of cores changes no bit.
    const std::vector<at::Tensor> parameters = trained_tensors(denoiser_);
    std::vector<Batch> batches;
    for (std::int64_t i = 0; i < count; ++i) batches.push_back(next());
    for (std::int64_t first = 0; first < count; first += at_once) {
      const auto some = std::span(batches).subspan(static_cast<std::size_t>(first),
                                                   static_cast<std::size_t>(std::min(at_once, count - first)));
      for (const Share& share : shares_of(some, parameters, loss_of)) {
        AdamW::add_gradients(parameters, share.gradients);
        passed.add(share.loss);
      }
    }
    gradients_.sum_now();
  }
  return passed;
}

StepStatistics TrainingStep::make(const MicroBatches& micro_batches, std::int64_t step) {
  optimizer_.zero_grad();
  const Passed passed = pass_over(micro_batches, loss_options_at(config_.loss, config_.train, step));
  StepStatistics statistics;
  statistics.views = passed.views;
  const at::Tensor own = at::stack(passed.losses).to(at::kCPU, at::kDouble);
  for (std::size_t i = 0; i < passed.vehicles.size(); ++i) {
    const auto& vehicles = passed.vehicles[i];
    statistics.vehicles.insert(statistics.vehicles.end(), vehicles.begin(), vehicles.end());
    if (std::isfinite(own[static_cast<std::int64_t>(i)].item<double>())) continue;
    statistics.suspects.insert(statistics.suspects.end(), vehicles.begin(), vehicles.end());
  }
  at::Tensor totals = at::stack({own.sum(), at::stack(passed.squared_errors).to(at::kCPU, at::kDouble).sum(),
                                 at::scalar_tensor(passed.values, at::kDouble)});
  ranks_.sum(totals);
  statistics.values = static_cast<std::int64_t>(totals[2].item<double>());
  optimizer_.scale_gradients(gradients_.factor() / static_cast<double>(statistics.values));
  statistics.gradient_norm = gradients_.norm(optimizer_.gradient_norm().item<double>());
  statistics.loss = totals[0].item<double>() / static_cast<double>(statistics.values);
  statistics.squared_error = totals[1].item<double>() / static_cast<double>(statistics.values);
  statistics.finite = std::isfinite(statistics.gradient_norm) && std::isfinite(statistics.loss);
  if (!statistics.finite) return statistics;
  optimizer_.clip_gradients(statistics.gradient_norm, config_.optimizer.max_gradient_norm);
  optimizer_.step(learning_rate_at(config_.optimizer, step, config_.train.steps));
  gradients_.publish();
  return statistics;
}

}  // namespace spinfill
