// SPDX-License-Identifier: Apache-2.0
#include "train/plan/work.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "core/error.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"

namespace spinfill {

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

std::vector<TrainingPhase> training_phases(const LossOptions& loss, const TrainConfig& train) {
  const std::int64_t steps = train.steps;
  const double share = train.objective == Objective::distill ? 0 : train.regression_share;
  const auto regression =
      std::clamp(static_cast<std::int64_t>(std::ceil(share * static_cast<double>(steps))), std::int64_t{0}, steps);
  std::vector<TrainingPhase> phases;
  if (regression > 0) phases.push_back({regression, loss_options_at(loss, train, 0)});
  if (regression < steps) phases.push_back({steps - regression, loss_options_at(loss, train, steps - 1)});
  return phases;
}

namespace {

double flops_of_set(const Denoiser& denoiser, const DataConfig& data, const LossOptions& loss,
                    const PerceptualDistance& perceptual, const Teacher* teacher) {
  const std::vector<ViewCounts> views = possible_views(data);
  const auto with_mode = [&](LossMode mode) {
    LossOptions options = loss;
    options.mode = mode;
    double flops = 0;
    for (const ViewCounts& counts : views) {
      const Batch batch = blank_batch({counts}, data, at::kMeta);
      flops += training_flops(denoiser, batch, options, 1, perceptual, teacher).total();
    }
    return flops / static_cast<double>(views.size());
  };
  if (loss.mode != LossMode::mixed || loss.lpips == 0) return with_mode(loss.mode);
  return loss.regression_share * with_mode(LossMode::regression) +
         (1 - loss.regression_share) * with_mode(LossMode::diffusion);
}

}  // namespace

TrainingWork training_work(const RunConfig& config) {
  const Denoiser denoiser(config.model, 1, at::kMeta);
  const PerceptualDistance perceptual = perceptual_distance(config, at::kMeta);
  const std::optional<Teacher> teacher = make_teacher(config, at::kMeta, nullptr, denoiser.shared_autoencoder());
  TrainingWork work;
  for (const TrainingPhase& phase : training_phases(config.loss, config.train)) {
    work.flops += flops_of_set(denoiser, config.data, phase.loss, perceptual, teacher ? &*teacher : nullptr) *
                  static_cast<double>(config.train.batch_sets * phase.steps);
  }
  work.flops_per_step = work.flops / static_cast<double>(config.train.steps);
  return work;
}

}  // namespace spinfill
