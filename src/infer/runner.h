// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/photo/framing.h"
#include "data/photo/photo_warp.h"
#include "data/sets/view_set.h"
#include "infer/loaded_model.h"
#include "metrics/evidence_errors.h"
#include "model/sampling/generate.h"

namespace spinfill {

struct RunnerOptions {
  SamplerConfig sampler;
  std::uint64_t seed = 0;
  std::int64_t draws = 1;                    // pictures sampled of each view, with noise of the seed and those after it
  bool opaque = false;                       // pictures on the model's background, without alpha
  std::vector<FurtherPicture> further = {};  // what the set's further frames show, for photographs that show more
  std::size_t anchors = 0;                   // so many of the missing frames are generated first and then given, too
  SlotWeights weights = kEqualWeights;       // of the photographs' colours where they are carried onto the hull
  SamplerProgress progress;                  // may throw to stop
  SamplerProgress carried;  // of carrying the photographs onto the hull (data/photo/photo_warp.h); may throw, too
};

// Where a generated view's pixels are from: shares of what it covers, which sum to 1.
struct Evidence {
  double seen = 0;      // in some reference
  double mirrored = 0;  // in some reference, on the vehicle's other side
  double invented = 0;  // nowhere: the model's
  cv::Mat shares;       // CV_8UC3 of the picture's size: the three of each pixel, which sum to 255 where it covers
  cv::Mat map;          // 8-bit straight RGBA of the picture's size and coverage: these three in kEvidenceColours
};

// How far several pictures that the model drew of one view lie apart.
struct Spread {
  cv::Mat deviation;  // CV_32FC1: root of the mean variance of red, green and blue in [0,1] over the draws
  double rms = 0;     // its root mean square over what the first draw covers
};

// A view that was generated, as it is delivered.
struct GeneratedView {
  std::size_t asked = 0;                            // of the set's missing frames
  double azimuth_deg = 0;                           // that frame's
  cv::Mat picture;                                  // 8-bit RGBA, straight alpha, the set's size
  std::optional<Evidence> evidence = std::nullopt;  // of views with the photographs' own pixels (infer/photo_views.h)
  std::optional<Spread> spread = std::nullopt;      // of several draws, of the picture's size
  cv::Mat normals = {};                             // CV_32FC3 of its size, unit, vehicle frame; 0 beside; or none
};

Json to_json(const Evidence& evidence);  // the three shares

struct GeneratedViews {
  std::vector<cv::Mat> views;  // one for each of the set's missing frames: CV_32FC4 premultiplied, the model's size
  std::vector<cv::Mat> corrections;  // CV_32FC1, of the surface's depth (DepthCorrection); none with a model without
  std::vector<cv::Mat> normals;      // CV_32FC3 as they were generated, the model's size; none with a model without
  std::vector<Spread> spreads;       // of several draws, the model's size; else none
  double matte_residual = 0;         // mean absolute difference of the colour channels' mattes: 0 for a perfect one
};

// Which of the set's missing frames (their places) go through the network together: views of different slots, and the
// first `anchors` before all others, which are generated from them, too.
std::vector<std::vector<std::size_t>> passes_of(const std::vector<Frame>& missing, std::size_t anchors);

// Generates every missing frame of the set from the views it has (1 to 8, with alpha) and, after the anchors, from
// these, too, in the passes above; every pass has all references. The set's pictures are fitted into the model's as
// `framing` says. Runs on the model's device. Every missing frame needs a camera.
//
// Coverage comes from the model or from difference matting (infer/matte.h): at the model's size what is delivered,
// composited on the model's background, is the picture that is scored.
//
// A model with normals first generates those of the references (model/sampling/reference_normals.h), once for all
// passes; anchors are given with theirs.
GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const SetFraming& framing,
                              const RunnerOptions& options);

// Errors (exit 2): several draws of a model whose single step is a regression and knows no noise.
void check_draws(const ModelConfig& model, const SamplerConfig& sampler, std::int64_t draws);

// One of them at the size of the set's pictures (cubic): 8-bit straight RGBA.
cv::Mat at_set_size(const cv::Mat& view, const Letterbox& fitted);
Spread at_set_size(const Spread& spread, const Letterbox& fitted);
// Normals as generated, of unit length where the view's picture of the set's size covers half of a pixel, else 0.
cv::Mat at_set_size(const cv::Mat& normals, const Letterbox& fitted, const cv::Mat& rgba);

}  // namespace spinfill
