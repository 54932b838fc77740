// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "run/run_config.h"

namespace spinfill {

// What an optimiser step does, by its number: `step` counts from 0 and is the step about to be made.

// What it minimises: regression for the first train.regression_share of the steps, then as the configuration's `loss`
// says; with train.objective distill, what `loss` says.
LossOptions loss_options_at(const LossOptions& loss, const TrainConfig& train, std::int64_t step);
// Its name, for logs: "regression", "diffusion", "mixed" or "distill".
std::string phase_at(const LossOptions& loss, const TrainConfig& train, std::int64_t step);

// Linear warm-up to the peak, then a cosine down to peak·final_share at the last of the `steps`.
double learning_rate_at(const OptimizerConfig& config, std::int64_t step, std::int64_t steps);

// Decay of the averaged weights: min(decay, (1 + step)/(10 + step)).
double ema_decay_at(double decay, std::int64_t step);

// Micro-batches of a step that each of `world` processes makes. They must divide evenly (else exit 2).
std::int64_t accumulation_of(const TrainConfig& train, int world);

}  // namespace spinfill
