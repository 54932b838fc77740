// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "run/run_config.h"

namespace spinfill {

// Where a run would train.
struct PlanTarget {
  bool gpu = false;             // else a processor, whose micro-batches run side by side
  int processes = 1;            // one per GPU
  std::uint64_t memory = 0;     // bytes of each device, 0: unknown
  double flops_per_second = 0;  // of each device, 0: measured here where the run would use this machine
  double utilisation = 0.4;     // share of that rate which training reaches
};

// Bytes of tensors that one process holds at the peak of a training step.
struct MemoryUse {
  std::int64_t weights = 0, averaged = 0, moments = 0;
  std::int64_t gradients = 0;   // on a processor of every micro-batch that runs at the same time
  std::int64_t perceptual = 0;  // LPIPS weights
  std::int64_t exchange = 0;    // gradients' buckets of several processes
  std::int64_t pass = 0;        // the rest: micro-batches, activations, temporaries
  std::int64_t loader = 0;      // batches made ahead; on a GPU those that it holds
  std::int64_t total() const {
    return weights + averaged + moments + gradients + perceptual + exchange + pass + loader;
  }
};

// Of the training phase and the number of targets that need most. The step runs on tensors without memory
// (model/cost/cost.h), so nothing is allocated or computed, whatever the size.
MemoryUse training_memory(const RunConfig& config, const PlanTarget& target);

// Floating-point operations of an optimiser step over all processes and of the whole training, in the mean over the
// draws of missing views and noise levels.
struct TrainingWork {
  double flops_per_step = 0, flops = 0;  // per step: in the mean over the run
};
TrainingWork training_work(const RunConfig& config);

// A setting that lowers the memory of a run and leaves its result as it is, but for rounding.
struct MemorySwitch {
  std::string name;                                  // as the report names it
  std::function<bool(RunConfig&)> turn_on;           // false: it is on, or of no use here
  std::function<std::string(const RunConfig&)> how;  // what to give --set, of a configuration where it is on
};
std::vector<MemorySwitch> memory_switches(const PlanTarget& target);

// Everything that `spinfill plan` says. Keys: fits (null where the memory is unknown), needed_bytes (tensors_bytes +
// reserve_bytes), memory_bytes, tensors (of MemoryUse), parameters, switches (list of name, set, saves_bytes,
// needed_bytes, fits), advice (the --set of switches, in turn, until it fits; null where that is not enough), steps,
// flops_per_step, flops, seconds_per_step, seconds, rate_from (how the time was found; seconds are null without a
// rate), processes, device. Errors (exit 2): micro-batches that the processes cannot share.
Json plan_training(const RunConfig& config, const PlanTarget& target);

}  // namespace spinfill
