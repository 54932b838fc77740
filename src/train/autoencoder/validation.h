// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/files/json.h"
#include "data/batches/picture_crops.h"
#include "metrics/lpips.h"
#include "metrics/metric_list.h"
#include "model/autoencoder/autoencoder.h"
#include "train/autoencoder/config.h"

namespace spinfill {

struct AutoencoderScores {
  std::int64_t step = 0, images = 0;
  Scores mean{};  // over the pictures
  double seconds = 0;
};
Json to_json(const AutoencoderScores& scores);  // a row of metrics.jsonl

// Scores whole pictures of the split val through an autoencoder and back, as `spinfill autoencode` does: on the
// background, rounded to 8 bits.
class AutoencoderValidation {
 public:
  // Without train.validate_every, or a split val, nothing is scored; the latter is told, or where train.result is best
  // an error (exit 2).
  AutoencoderValidation(const AutoencoderRunConfig& config, at::Device device);
  bool exists() const { return pictures_ != nullptr; }
  // Scores and draws RUN/samples/step-N-0.png: truth, before, now, errors. What step 0 gives is kept in RUN/before/ for
  // that. Empty where a stop signal came.
  std::optional<AutoencoderScores> score(const AutoencoderFile& file, std::int64_t step,
                                         const std::filesystem::path& run) const;

 private:
  AutoencoderRunConfig config_;
  at::Device device_;
  LpipsChoice lpips_;
  std::unique_ptr<const PictureCrops> pictures_;
};

}  // namespace spinfill
