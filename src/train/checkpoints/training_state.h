// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/files/json.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"
#include "train/checkpoints/checkpoint.h"
#include "train/ranks/ranks.h"
#include "train/step/gradient_exchange.h"
#include "train/step/optimizer.h"
#include "train/step/weight_shards.h"

namespace spinfill {

// What a step changes: the denoiser's weights, the optimiser's moments and the averaged weights, whole on every rank,
// or with train.shard_optimizer the latter two shared among the ranks.
class TrainingState {
 public:
  TrainingState(const Denoiser& denoiser, const RunConfig& config, Ranks& ranks);

  // All ranks take the state of the first rank's checkpoint (nullptr: its initial weights). All ranks call it together.
  void start_from(const Checkpoint* checkpoint);
  std::int64_t step() const { return step_; }  // of that checkpoint

  AdamW& optimizer() { return *optimizer_; }
  GradientExchange& gradients() { return *gradients_; }
  // Updates the averaged weights with the weights.
  void average(double decay);
  // A denoiser with the averaged weights. All ranks call it together.
  Denoiser averaged();
  // What this rank saves; its tensors are the state's own, not copies.
  CheckpointShare share(std::int64_t step, const TrainingProgress& progress) const;

 private:
  Denoiser denoiser_;
  RunConfig config_;
  Ranks& ranks_;
  std::unique_ptr<WeightShards> shards_;                // with train.shard_optimizer
  std::optional<Denoiser> averaged_;                    // without
  std::vector<at::Tensor> weights_, averaged_weights_;  // whole or pieces
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<GradientExchange> gradients_;
  std::int64_t step_ = 0;
};

}  // namespace spinfill
