// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/cost/cost.h"
#include "run/run_config.h"

namespace spinfill {

// Floating-point operations of an optimiser step over all processes and of the whole training, averaged over the draws
// of missing views and noise levels.
struct TrainingWork {
  double flops_per_step = 0, flops = 0;  // per step: the mean over the run
};
// Without what the memory switches cost: of the network itself, not of how it is computed.
TrainingWork training_work(const RunConfig& config);

// View counts that a sample of a complete set may have; the fewest targets first. None: an error (exit 2).
std::vector<ViewCounts> possible_views(const DataConfig& config);

// Steps that minimise the same loss: regression first, then what the configuration's `loss` says.
struct TrainingPhase {
  std::int64_t steps;
  LossOptions loss;
};
std::vector<TrainingPhase> training_phases(const LossOptions& loss, const TrainConfig& train);

}  // namespace spinfill
