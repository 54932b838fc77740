// SPDX-License-Identifier: Apache-2.0
#include "train/step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "model/loss.h"

namespace spinfill {

LossOptions loss_options_at(const RunConfig& config, std::int64_t step) {
  LossOptions options = config.loss;
  const bool regression =
      static_cast<double>(step) < config.train.regression_share * static_cast<double>(config.train.steps);
  if (regression) options.mode = "regression";
  if (regression) options.draws = 1;  // every draw would be the same input
  return options;
}

StepStatistics train_step(const Denoiser& denoiser, AdamW& optimizer, const std::vector<Batch>& micro_batches,
                          const RunConfig& config, std::int64_t step) {
  const LossOptions options = loss_options_at(config, step);
  StepStatistics statistics;
  optimizer.zero_grad();
  at::Tensor loss_sum, error_sum;
  for (const Batch& micro_batch : micro_batches) {
    const TrainingLoss loss =
        training_loss(denoiser, micro_batch.to(denoiser.device()), options, static_cast<std::uint64_t>(config.seed));
    loss.sum.backward();
    loss_sum = loss_sum.defined() ? loss_sum + loss.sum.detach() : loss.sum.detach();
    error_sum = error_sum.defined() ? error_sum + loss.squared_error : loss.squared_error;
    statistics.values += loss.count;
  }
  optimizer.scale_gradients(1.0 / static_cast<double>(statistics.values));
  const at::Tensor norm = optimizer.gradient_norm();
  statistics.gradient_norm = norm.item<double>();
  statistics.loss = loss_sum.item<double>() / static_cast<double>(statistics.values);
  statistics.squared_error = error_sum.item<double>() / static_cast<double>(statistics.values);
  statistics.finite = std::isfinite(statistics.gradient_norm) && std::isfinite(statistics.loss);
  if (!statistics.finite) return statistics;
  optimizer.clip_gradients(statistics.gradient_norm, config.optimizer.max_gradient_norm);
  optimizer.step(learning_rate_at(config.optimizer, step, config.train.steps));
  return statistics;
}

int compute_threads(const RunConfig& config, int cores) {
  if (config.train.threads > 0) return static_cast<int>(config.train.threads);
  return std::max(1, cores - static_cast<int>(config.data.loader.threads));
}

void set_compute_threads(const RunConfig& config) {
  static const int cores = at::get_num_threads();  // as the machine or OMP_NUM_THREADS says, before the first change
  at::set_num_threads(compute_threads(config, cores));
}

std::vector<NamedParameter> named_parameters(const Denoiser& denoiser) {
  std::vector<NamedParameter> list;
  for (auto& [name, tensor] : denoiser.parameters()) list.push_back({name, tensor});
  return list;
}

}  // namespace spinfill
