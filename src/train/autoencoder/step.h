// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "data/batches/picture_crops.h"
#include "model/autoencoder/loss.h"
#include "train/autoencoder/config.h"
#include "train/autoencoder/state.h"

namespace spinfill {

struct AutoencoderStatistics {
  AutoencoderTerms terms;  // means over the step's micro-batches
  double gradient_norm = 0;
  bool finite = true;  // else nothing was changed
};

// One optimiser step of an autoencoder at a time: a function of (seed, step) and of the state before. While one is
// made, another thread prepares the crops of the next.
class AutoencoderSteps {
 public:
  // All that is passed in must outlive it. `step`: the first that will be made.
  AutoencoderSteps(AutoencoderState& state, const PictureCrops& crops, const AutoencoderRunConfig& config,
                   PerceptualDistance perceptual, std::int64_t step);
  AutoencoderSteps(const AutoencoderSteps&) = delete;
  AutoencoderSteps& operator=(const AutoencoderSteps&) = delete;
  // Micro-batches run side by side on the processor; how many do changes no bit. Errors (exit 3) name a picture.
  AutoencoderStatistics make(std::int64_t step);
  std::string pictures_of(std::int64_t step) const;  // names, for messages
  double waited_seconds() const { return waited_; }

 private:
  std::vector<AutoencoderPass> passes_of(std::int64_t step) const;  // on the CPU
  void prepare(std::int64_t step);
  AutoencoderState& state_;
  const PictureCrops& crops_;
  AutoencoderRunConfig config_;
  PerceptualDistance perceptual_;
  double waited_ = 0;
  std::future<std::vector<AutoencoderPass>> next_;
};

}  // namespace spinfill
