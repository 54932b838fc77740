// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "core/files/atomic_folder.h"
#include "run/run_config.h"
#include "train/checkpoints/checkpoint.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Saves a run's checkpoints while training goes on, which waits only for the copy. A checkpoint that cannot be written
// (disk full, folder gone) is a warning and the previous one stays; train.max_failed_saves in a row, or a failure of
// finish(), end the run on every rank (exit 3). All ranks call all functions together.
class CheckpointWriter {
 public:
  CheckpointWriter(std::filesystem::path run, const TrainConfig& config, Ranks& ranks);
  // Waits for what this process writes; a save that not every rank finished leaves nothing.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Waits for the previous save, copies the share and starts to write it. Then older checkpoints are removed, as
  // train.keep_last and keep_every say; that of the best validation stays.
  void begin(const CheckpointShare& share);
  // Once a step: sees whether a save is done and what came of it.
  void look();
  // Waits for the last save.
  void finish();

 private:
  enum class Phase { idle, writing, committing };  // the same on all ranks
  void wait();
  void start(Phase phase, std::function<void()> work);
  void commit();
  void end_save(const std::string& problem);

  std::filesystem::path run_;
  TrainConfig config_;
  Ranks& ranks_;
  Phase phase_ = Phase::idle;
  std::future<std::string> work_;         // what went wrong, or empty
  std::unique_ptr<AtomicFolder> folder_;  // of the first rank
  CheckpointShare share_;
  std::int64_t failed_in_row_ = 0;
};

}  // namespace spinfill
