// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "run/run_config.h"
#include "train/plan/target.h"

namespace spinfill {

// Bytes of tensors that one process holds at the peak of a training step.
struct MemoryUse {
  std::int64_t weights = 0, averaged = 0, moments = 0;
  std::int64_t gradients = 0;   // on a processor, of all micro-batches that run at the same time
  std::int64_t perceptual = 0;  // LPIPS weights
  std::int64_t teacher = 0;     // weights of the model that a student learns from
  std::int64_t exchange = 0;    // buckets of gradients, with several processes
  std::int64_t pass = 0;        // the rest: micro-batches, activations, temporaries
  std::int64_t loader = 0;      // batches made ahead; on a GPU those that it holds
  std::int64_t total() const {
    return weights + averaged + moments + gradients + perceptual + teacher + exchange + pass + loader;
  }
};

// Of the training phase and number of targets that need the most. The step runs on tensors without memory
// (model/cost/cost.h), so nothing is allocated or computed, whatever the size.
MemoryUse training_memory(const RunConfig& config, const PlanTarget& target);

// Bytes that a process takes besides `tensors` bytes of tensors.
double memory_reserve(const LoaderConfig& loader, const PlanTarget& target, double tensors);

}  // namespace spinfill
