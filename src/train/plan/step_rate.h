// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "run/run_config.h"
#include "train/plan/target.h"

namespace spinfill {

struct StepRate {
  double flops_per_second = 0;  // of one process, as reached in training; 0: unknown
  std::string from;             // how it was found
};
// From the target's stated rate; else, where the target is this machine, from a step that is timed here (if the run
// `fits` and a step is short), or from a matrix product's rate.
StepRate step_rate(const RunConfig& config, const PlanTarget& target, bool fits, double flops_per_step);

}  // namespace spinfill
