// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "run/run_config.h"
#include "train/plan/target.h"

namespace spinfill {

// A setting that lowers a run's memory and changes its result only by rounding.
struct MemorySwitch {
  std::string name;                                  // as the report names it
  std::function<bool(RunConfig&)> turn_on;           // false: it is on already, or useless here
  std::function<std::string(const RunConfig&)> how;  // what to give --set, from a configuration where it is on
};
// In the order of the advice, the cheapest in time first.
std::vector<MemorySwitch> memory_switches(const PlanTarget& target);

}  // namespace spinfill
