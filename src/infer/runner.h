// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/sets/view_set.h"
#include "infer/loaded_model.h"
#include "model/sampling/generate.h"

namespace spinfill {

struct RunnerOptions {
  SamplerConfig sampler;
  std::uint64_t seed = 0;
  bool opaque = false;       // pictures on the model's background, without alpha
  SamplerProgress progress;  // may throw to stop
};

struct GeneratedView {
  int slot = 0;     // azimuth 45·slot
  cv::Mat picture;  // 8-bit RGBA, straight alpha, the set's size
};

struct GeneratedViews {
  std::vector<GeneratedView> views;  // the missing slots, ascending
  double matte_residual = 0;         // mean absolute difference of the colour channels' mattes: 0 for a perfect one
};

// Generates every primary view that the set lacks from those it has (1 to 7, with alpha), for the cameras that the set
// holds (described_cameras), whatever data.cameras the model was trained with; the set is fitted into the
// model's pictures and what is generated is brought back to the set's size (cubic). Runs on the model's device.
//
// Coverage comes from difference matting (infer/matte.h): at the model's size what is delivered, composited on the
// model's background, is the picture that is scored.
GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const RunnerOptions& options);

}  // namespace spinfill
