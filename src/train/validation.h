// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/files/json.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// The best validation so far, by PSNR; the one before step 1 does not count.
struct BestValidation {
  std::int64_t step = -1;
  double psnr = 0;
  bool update(const Json& row, std::int64_t at_step);  // whether this is the best now
  Json to_json() const;
  static BestValidation from_json(const Json& json);
};

// Scores on a fixed list of (vehicle, subset) pairs of the validation split, so that scores of different steps and runs
// compare. Each rank scores its share of the batches, none twice; the scores are those of any number of ranks to the
// last digit. The share and its priors are kept in memory.
class Validation {
 public:
  Validation(const RunConfig& config, at::Device device, Ranks& ranks);
  ~Validation();

  // One row of metrics.jsonl, the same on every rank: {"step", "validation": {"psnr", "ssim", "lpips",
  // "foreground_psnr"}, "by_category": {NAME: the same}, …}, with data.replay also "replay" and "replay_by_category" of
  // that data set's validation split; pictures go to samples/step-N-K.png. Empty where a rank was asked to stop
  // meanwhile.
  std::optional<Json> score(const Denoiser& denoiser, std::int64_t step, const std::filesystem::path& samples) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill
