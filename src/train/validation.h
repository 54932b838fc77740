// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "metrics/evaluation.h"
#include "model/denoiser/denoiser.h"
#include "model/distillation/distillation.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Averages over the pictures of one data set.
struct AverageScores {
  Scores overall{};
  std::vector<std::pair<std::string, Scores>> by_category;
};

// A validation, the same on every rank.
struct ValidationScores {
  std::int64_t step = 0;
  AverageScores scores;  // of the averaged weights
  std::int64_t images = 0;
  std::vector<Scores> baselines;  // of kBaselines, before step 1; else empty
  std::optional<AverageScores> replay;
  double seconds = 0;
  std::string conditions = {};              // cameras and priors (metrics/protocol.h)
  std::optional<double> teacher_psnr = {};  // of a student: dB to what its teacher makes of the same noise
  // What is best: the nearest to the truth, or of students to the teacher.
  double psnr() const { return teacher_psnr.value_or(scores.overall[0]); }
};
// A row of metrics.jsonl: {"step", "validation": {"psnr", "ssim", "lpips", "foreground_psnr" …}, "by_category": {NAME:
// the same}, "weights", "images", "baselines", …}, with data.replay also "replay" and "replay_by_category" of that data
// set's validation split; of a student "teacher_psnr".
Json to_json(const ValidationScores& validation);

// Scores on a fixed list of (vehicle, subset) pairs of the validation split, so that scores of different steps and runs
// compare. Each rank scores its share of the batches, none twice; the scores are the same to the last digit for any
// number of ranks. The share and its priors are kept in memory.
// There may be none: train.validate_every is 0, or the data set sets no vehicle apart for it, which one warning says.
class Validation {
 public:
  // Reads the share and computes its priors; throws Stopped where this rank is asked to stop meanwhile.
  // Exit 2: train.early_stop is asked for and no vehicle is set apart.
  // With a teacher, its pictures are made once, by many steps.
  Validation(const RunConfig& config, at::Device device, Ranks& ranks, const Teacher* teacher = nullptr);
  ~Validation();
  bool exists() const;  // else score() may not be called

  // Pictures go to samples/step-N-K.png. Empty where a rank was asked to stop meanwhile.
  std::optional<ValidationScores> score(const Denoiser& denoiser, std::int64_t step,
                                        const std::filesystem::path& samples) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill
