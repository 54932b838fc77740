// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>

#include "core/files/json.h"
#include "core/tensors/pieces.h"
#include "core/tensors/safetensors.h"
#include "run/checkpoint_files.h"

namespace spinfill {

// All that a training needs to go on exactly: no generator state is kept, because every random draw is a pure function
// of the seed and a counter.
struct Checkpoint {
  std::int64_t step = 0;  // optimiser steps made
  TrainingProgress progress;
  TensorMap weights, ema, optimizer;
};

// What one rank saves of it: rank 0 everything; or rank 0 the weights, and each rank its own pieces of the rest.
struct CheckpointShare {
  std::int64_t step = 0;
  TrainingProgress progress;
  TensorMap weights;  // empty on other ranks
  std::variant<TensorMap, PieceMap> ema, optimizer;
  int rank = 0, world = 1;

  bool sharded() const { return std::holds_alternative<PieceMap>(ema); }
  std::uint64_t bytes() const;
  // A copy whose tensors have memory of their own, on the CPU.
  CheckpointShare copy() const;
  // Throws (exit 3) naming a weight, raw or averaged, that is not finite: a good checkpoint is never followed by a bad
  // one.
  void require_finite() const;
};

// Writes the share's files into a folder; returns their SHA-256 by name.
Json write_checkpoint_share(const std::filesystem::path& folder, const CheckpointShare& share);

// Reads and verifies a checkpoint; errors name the file.
Checkpoint read_checkpoint(const std::filesystem::path& folder);

// The newest checkpoint that passes verification; logs which ones it passed over. Empty when none passes.
std::optional<Checkpoint> newest_valid_checkpoint(const std::filesystem::path& run);

// Removes all but the newest `keep_last`, the best, and the multiples of keep_every (0: none).
void prune_checkpoints(const std::filesystem::path& run, std::int64_t keep_last, std::int64_t best_step,
                       std::int64_t keep_every);

}  // namespace spinfill
