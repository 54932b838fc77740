// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/files.h"
#include "core/safetensors.h"

namespace spinfill {

// All that a training needs to go on exactly: no generator state is kept, because every random draw is a pure function
// of the seed and a counter.
struct Checkpoint {
  std::int64_t step = 0;  // optimiser steps made
  Json progress;          // best validation so far, counters
  TensorMap weights, ema, optimizer;
};

// RUN/checkpoints/step-N/{weights,ema,optimizer}.safetensors and state.json with their hashes, written last; the folder
// appears whole or not at all. Non-finite weights are refused (exit 3), so that a good checkpoint is never followed by
// a bad one.
std::filesystem::path save_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint);

struct CheckpointEntry {
  std::int64_t step;
  std::filesystem::path folder;
};
// By step, oldest first; folders that are not whole are not listed.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& run);

// Reads and verifies one; errors name the file.
Checkpoint read_checkpoint(const std::filesystem::path& folder);

// The newest that passes verification; says which ones it passed over. Empty when there is none at all.
std::optional<Checkpoint> newest_valid_checkpoint(const std::filesystem::path& run);

// Removes all but the newest `keep_last`, the best, and the multiples of keep_every (0: none).
void prune_checkpoints(const std::filesystem::path& run, std::int64_t keep_last, std::int64_t best_step,
                       std::int64_t keep_every);

}  // namespace spinfill
