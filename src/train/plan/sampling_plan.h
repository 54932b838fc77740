// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/files/json.h"
#include "model/cost/cost.h"
#include "run/run_config.h"
#include "train/plan/target.h"

namespace spinfill {

// Bytes of tensors and operations that generating the missing views of one vehicle takes: generate() itself
// (model/sampling/generate.h) runs without memory, so nothing is allocated or computed. The network's share only: the
// visual hull and the photographs' own size take what is measured in docs/complete.md.
struct SamplingPlan {
  PlanTarget target;
  ViewCounts views;
  Precision precision = Precision::fp32;
  std::int64_t parameters = 0;
  std::int64_t weights_bytes = 0;  // of the network and the autoencoder
  std::int64_t batch_bytes = 0;    // pictures and prior maps of the eight views
  std::int64_t pass_bytes = 0;     // the rest at the peak: caches, activations, decoded pictures
  std::int64_t reserve_bytes = 0;  // besides tensors (train/plan/memory.h)
  std::int64_t tensors_bytes() const { return weights_bytes + batch_bytes + pass_bytes; }
  std::int64_t needed_bytes() const { return tensors_bytes() + reserve_bytes; }
  std::optional<bool> fits;       // empty where the target's memory is unknown
  std::int64_t evaluations = 0;   // of the network
  double flops = 0;               // all together
  std::optional<double> seconds;  // at the target's stated rate and utilisation; empty without one
};
// With config.sampler; `references` of 8 − `missing` views. One vehicle at a time, as `spinfill complete` runs.
SamplingPlan plan_sampling(const RunConfig& config, const PlanTarget& target, std::int64_t missing,
                           Precision precision);

// Keys: fits, needed_bytes, memory_bytes, tensors_bytes, reserve_bytes, tensors (weights, batch, pass), parameters,
// precision, references, targets, evaluations, flops, seconds, device. What is unknown is null.
Json to_json(const SamplingPlan& plan);

}  // namespace spinfill
