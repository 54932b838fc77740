// SPDX-License-Identifier: Apache-2.0
#include "train/milestones.h"

#include <fmt/format.h>

#include "core/signals.h"
#include "run/run_paths.h"

namespace spinfill {

Milestones::Milestones(const RunConfig& config, fs::path run, const Validation& validation, TrainingState& state,
                       RunLog* log, Ranks& ranks, const TrainingProgress& from)
    : config_(config.train),
      run_(std::move(run)),
      validation_(validation),
      state_(state),
      log_(log),
      ranks_(ranks),
      best_(from.best),
      early_stop_(config.train.early_stop, from.early_stop),
      validation_owed_(validation.exists() && from.validation_owed.value_or(state.step() == 0)),
      writer_(run_, config.train, ranks) {}

bool Milestones::validation_due(std::int64_t step) const {
  return validation_.exists() && (step % config_.validate_every == 0 || step == config_.steps);
}

bool Milestones::validate(std::int64_t step) {
  ranks_.at(step, "validation");
  StopSignals::will("saving at once; --resume does this validation again");
  const std::optional<ValidationScores> scores = validation_.score(state_.averaged(), step, run_samples_path(run_));
  validation_owed_ = !scores;
  if (!scores) return false;
  Json row = to_json(*scores);
  if (early_stop_.on()) {
    early_stop_.update(scores->psnr(), step);
    row["stale_validations"] = early_stop_.stale();
  }
  if (log_ != nullptr) {
    log_->add(row);
    log_->add_samples(step);
  }
  return best_.update(scores->psnr(), step, scores->conditions);
}

void Milestones::save(std::int64_t step) {
  ranks_.at(step, "saving a checkpoint");
  StopSignals::will(fmt::format("ending when the checkpoint of step {} is written", step));
  TrainingProgress progress{best_, validation_owed_, {}};
  if (early_stop_.on()) progress.early_stop = early_stop_.validations();
  writer_.begin(state_.share(step, progress));
}

bool Milestones::ended_early() const {
  return early_stop_.on() && ranks_.any(early_stop_.ended());
}

}  // namespace spinfill
