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
#include "train/step/fine_tuning.h"

namespace spinfill {

struct AzimuthTraining : FineTuning {
  double dropout = 0.2;  // of the hidden layer
  std::uint64_t seed = 0;
};

// Trains the network on the samples (train/step/fine_tuning.h). Then finds the temperature that is most likely on the
// validation views and scores them.
AzimuthScores train_azimuth(AzimuthModel& model, const AzimuthSamples& samples, const AzimuthSamples& validation,
                            const AzimuthTraining& options, const FineTuningProgress& progress = {});

}  // namespace spinfill
