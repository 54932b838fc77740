// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "data/walkaround/azimuth_samples.h"
#include "metrics/azimuth_scores.h"
#include "model/azimuth/azimuth_model.h"

namespace spinfill {

struct AzimuthTraining {
  std::int64_t steps = 1500, batch = 32;
  double learning_rate = 1e-3;  // of the head; the features' is a third of that
  double dropout = 0.2;         // of the hidden layer
  std::uint64_t seed = 0;
};

using AzimuthProgress = std::function<void(std::int64_t step, double loss)>;

// Trains the network on the samples by AdamW with warm-up and a cosine; its early layers stay as they are. Then finds
// the temperature that is most likely on the validation views and scores them. The same seed, samples and network give
// the same weights to the bit on any number of cores. Exit 3: a loss that is not finite.
AzimuthScores train_azimuth(AzimuthModel& model, const AzimuthSamples& samples, const AzimuthSamples& validation,
                            const AzimuthTraining& options, const AzimuthProgress& progress = {});

}  // namespace spinfill
