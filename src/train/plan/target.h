// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace spinfill {

// Where a run would train.
struct PlanTarget {
  bool gpu = false;             // else a processor, whose micro-batches run side by side
  int processes = 1;            // one per GPU
  std::uint64_t memory = 0;     // bytes of each device, 0: unknown
  double flops_per_second = 0;  // of each device, 0: measured here where the run would use this machine
  double utilisation = 0.4;     // share of that rate that training reaches
};

}  // namespace spinfill
