// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "run/run_config.h"
#include "run/run_log.h"
#include "run/training_progress.h"
#include "train/checkpoints/checkpoint_writer.h"
#include "train/checkpoints/training_state.h"
#include "train/early_stop.h"
#include "train/ranks/ranks.h"
#include "train/validation.h"

namespace spinfill {

// What a run does between steps: it validates, saves, and finds out whether to end. All ranks call all functions
// together. Everything passed in must outlive it.
class Milestones {
 public:
  // From what a checkpoint says; `log` is null except on the first rank.
  Milestones(const RunConfig& config, std::filesystem::path run, const Validation& validation, TrainingState& state,
             RunLog* log, Ranks& ranks, const TrainingProgress& from);

  bool validation_due(std::int64_t step) const;  // every train.validate_every steps and after the last
  // Scores the averaged weights; true if they are the best so far. If a signal cuts it short, it stays owed.
  bool validate(std::int64_t step);
  void save(std::int64_t step);
  void look() { writer_.look(); }      // once a step: follows a save that is under way
  void finish() { writer_.finish(); }  // waits for the last save

  bool validation_owed() const { return validation_owed_; }
  bool ended_early() const;  // train.early_stop says so on any rank
  const BestValidation& best() const { return best_; }
  std::int64_t stale_validations() const { return early_stop_.stale(); }

 private:
  TrainConfig config_;
  std::filesystem::path run_;
  const Validation& validation_;
  TrainingState& state_;
  RunLog* log_;
  Ranks& ranks_;
  BestValidation best_;
  EarlyStop early_stop_;
  bool validation_owed_;
  CheckpointWriter writer_;
};

}  // namespace spinfill
