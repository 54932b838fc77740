// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "run/run_config.h"
#include "train/plan/memory.h"
#include "train/plan/target.h"
#include "train/plan/work.h"

namespace spinfill {

// What one setting saves by itself.
struct MemorySaving {
  std::string name, set;  // what it is, and what to give --set
  std::int64_t saves_bytes = 0, needed_bytes = 0;
  std::optional<bool> fits;
};

// Everything that `spinfill plan` says.
struct Plan {
  PlanTarget target;
  std::optional<bool> fits;  // empty where the target's memory is unknown
  MemoryUse tensors;
  std::int64_t reserve_bytes = 0;  // besides tensors
  std::int64_t needed_bytes = 0;   // both
  std::int64_t parameters = 0;
  std::vector<MemorySaving> switches;
  // Values for --set, one switch after the other, until the run fits; empty where it fits already or none is enough.
  std::optional<std::vector<std::string>> advice;
  std::int64_t steps = 0;
  TrainingWork work;
  std::optional<double> seconds_per_step, seconds;  // empty without a rate
  std::string rate_from;                            // how the time was found
};
// Errors (exit 2): micro-batches that the processes cannot share.
Plan plan_training(const RunConfig& config, const PlanTarget& target);

// Keys: fits, needed_bytes, memory_bytes, tensors_bytes, reserve_bytes, tensors (of MemoryUse), parameters, switches
// (list of name, set, saves_bytes, needed_bytes, fits), advice, steps, flops_per_step, flops, seconds_per_step,
// seconds, rate_from, processes, device ("gpu", "cpu"). What is empty or unknown is null.
Json to_json(const Plan& plan);

}  // namespace spinfill
