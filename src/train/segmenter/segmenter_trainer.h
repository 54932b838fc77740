// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/files/json.h"
#include "data/walkaround/segmenter_samples.h"
#include "model/segmenter/segmenter_model.h"
#include "run/run_config.h"
#include "train/step/fine_tuning.h"

namespace spinfill {

// Of a network's answer at the samples' size, before it is refined along a photograph's edges.
struct SegmenterScores {
  std::int64_t count = 0;                  // pictures with a vehicle
  double median = 0, mean = 0, worst = 0;  // their IoU, both cut at a half
  std::int64_t empty = 0;                  // pictures without a vehicle
  double seen_in_empty = 0;                // mean share of these that is called a vehicle
};
Json to_json(const SegmenterScores& scores);

// Samples first … last − 1: pictures [N,3,H,W] and truths [N,1,H,W], both in [0,1].
struct MaskedPictures {
  at::Tensor pictures, truths;
};
MaskedPictures masked_pictures(const SegmenterSamples& samples, std::int64_t first, std::int64_t last);

// The first `count` samples of these views.
SegmenterScores segmenter_scores(const SegmenterModel& model, const SegmenterSamples& samples, std::int64_t count);

struct SegmenterTraining : FineTuning {
  Precision precision = Precision::fp32;  // in which the network computes
};

// Trains the network on the samples (train/step/fine_tuning.h). Returns the steps made.
std::int64_t train_segmenter(SegmenterModel& model, const SegmenterSamples& samples, const SegmenterTraining& options,
                             const FineTuningProgress& progress = {});

}  // namespace spinfill
