// SPDX-License-Identifier: Apache-2.0
#include "train/step/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace spinfill {

LossOptions loss_options_at(const LossOptions& loss, const TrainConfig& train, std::int64_t step) {
  LossOptions options = loss;
  if (train.objective == Objective::distill) return options;
  const bool regression = static_cast<double>(step) < train.regression_share * static_cast<double>(train.steps);
  if (regression) options.mode = LossMode::regression;
  if (regression) options.draws = 1;  // every draw would be the same input
  return options;
}

std::string phase_at(const LossOptions& loss, const TrainConfig& train, std::int64_t step) {
  if (train.objective == Objective::distill) return name_of(train.objective);
  return name_of(loss_options_at(loss, train, step).mode);
}

double learning_rate_at(const OptimizerConfig& config, std::int64_t step, std::int64_t steps) {
  if (step < config.warmup_steps) {
    return config.learning_rate * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps + 1);
  }
  const double length = static_cast<double>(std::max<std::int64_t>(1, steps - config.warmup_steps));
  const double done = std::min(1.0, static_cast<double>(step - config.warmup_steps) / length);
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return config.learning_rate * (config.final_share + (1.0 - config.final_share) * cosine);
}

double ema_decay_at(double decay, std::int64_t step) {
  return std::min(decay, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
}

std::int64_t accumulation_of(const TrainConfig& train, int world) {
  const std::int64_t micro_batches = train.batch_sets / train.micro_batch_sets;
  if (micro_batches % world != 0) {
    fail_usage(
        "train.batch_sets {} with train.micro_batch_sets {} makes {} micro-batches a step, which {} processes cannot "
        "share evenly: change one of the three",
        train.batch_sets, train.micro_batch_sets, micro_batches, world);
  }
  return micro_batches / world;
}

}  // namespace spinfill
