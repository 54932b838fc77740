// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "run/training_progress.h"

namespace spinfill {

// A checkpoint as training writes it and others read it, RUN/checkpoints/step-N/:
//   weights.safetensors, ema.safetensors, optimizer.safetensors   or, where the processes shared a part's state among
//   them, PART-00001-of-0000W.safetensors … (core/tensors/pieces.h)
//   state.json {"format", "step", "progress", "hashes": {file: SHA-256}}, written last

inline constexpr const char* kStateFile = "state.json";
std::filesystem::path checkpoint_folder(const std::filesystem::path& run, std::int64_t step);

struct CheckpointEntry {
  std::int64_t step;
  std::filesystem::path folder;
};
// By step, oldest first; folders without state.json are incomplete and listed only by the second.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& run);
std::vector<CheckpointEntry> list_checkpoint_folders(const std::filesystem::path& run);

struct CheckpointState {
  std::filesystem::path folder;
  std::int64_t step = 0;
  TrainingProgress progress;
  Json hashes;
};
// state.json. Errors (exit 3) name it and what is wrong.
CheckpointState read_checkpoint_state(const std::filesystem::path& folder);
void write_checkpoint_state(const CheckpointState& state);  // the last of the files

// The name of one part's file, "weights", "ema" or "optimizer": the whole, or rank's share of it.
std::string part_file(const std::string& part);
std::string part_file(const std::string& part, int rank, int world);

// The whole tensors of a part, every file verified against its hash. `hash`, where given, becomes the file's SHA-256,
// or for several files the SHA-256 of their hashes in order.
TensorMap read_checkpoint_part(const CheckpointState& state, const std::string& part, std::string* hash = nullptr);

// Checks a folder's files against its manifest, {name: SHA-256 in hex}; one line per problem.
std::vector<std::string> check_hashes(const std::filesystem::path& folder, const Json& hashes);

}  // namespace spinfill
