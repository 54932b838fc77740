// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/batches/samples.h"
#include "data/photo/photo_warp.h"
#include "data/sets/view_set.h"
#include "infer/loaded_model.h"
#include "model/sampling/generate.h"

namespace spinfill {

struct RunnerOptions {
  SamplerConfig sampler;
  std::uint64_t seed = 0;
  bool opaque = false;       // pictures on the model's background, without alpha
  SamplerProgress progress;  // may throw to stop
  SamplerProgress carried;   // of carrying the photographs onto the hull (data/photo/photo_warp.h); may throw, too
};

// Where a generated view's pixels are from: shares of what it covers, which sum to 1.
struct Evidence {
  double seen = 0;      // in some reference
  double mirrored = 0;  // in some reference, on the vehicle's other side
  double invented = 0;  // nowhere: the model's
  cv::Mat map;          // 8-bit straight RGBA of the picture's size and coverage: these three in kEvidenceColours
};

struct GeneratedView {
  int slot = 0;     // azimuth 45·slot
  cv::Mat picture;  // 8-bit RGBA, straight alpha, the set's size
  // Of models that give one, in the model's picture.
  std::optional<DepthCorrection> correction = std::nullopt;
  std::optional<Evidence> evidence = std::nullopt;  // of views with the photographs' own pixels (infer/photo_views.h)
};

Json to_json(const Evidence& evidence);  // the three shares

// Of seen, mirrored and invented, RGB; told apart by people who do not see all colours (Okabe & Ito 2008).
inline constexpr std::array<std::array<int, 3>, 3> kEvidenceColours = {{{0, 158, 115}, {0, 114, 178}, {213, 94, 0}}};

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
// `fits`: how each slot's pictures are fitted, where not whole.
GeneratedViews generate_views(const LoadedModel& model, const ViewSet& set, const RunnerOptions& options,
                              const SlotFits* fits = nullptr);

}  // namespace spinfill
