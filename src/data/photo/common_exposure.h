// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "data/photo/photo_windows.h"
#include "data/pictures/exposure_gain.h"

namespace spinfill {

// What one view needs so that all look alike.
struct ViewExposure {
  StopsGain stops = kNoGain;  // kNoGain: it is left as it is
  double error = 0;           // standard error of these, stops
  std::int64_t pixels = 0;    // at which it was compared with others; 0: it has nothing in common with them
  std::string odd;            // what no gain mends, and what to do; mostly empty
  double exposure() const;    // the mean of the three
};

struct CommonExposure {
  std::vector<ViewExposure> views;  // in their order
  double before = 0, after = 0;     // mean of |log₂| of what two views show of the same place, stops
  bool changes() const;             // any view
};
// Of one view: {"stops", "white_balance_stops": [r, g, b]}; null where it is left as it is.
Json to_json(const ViewExposure& view);

struct ExposureOptions {
  double most_stops = 2;            // of exposure, either way: more than that is told as odd
  double most_white_balance = 0.3;  // of a channel beside the mean of all three
  double least = 0.04;              // stops of every channel below which a view is left alone: nobody sees it
};

// Exposure and white balance common to the views of a spin, from what each two of them see of the same surface
// (surface_comparison.h), which its paint and the light that falls on it make equally bright in both, whichever side of
// the vehicle the sun shines on. For the gain g of each view, in stops per channel,
//     Σ over pairs w_ij·ρ((g_i − g_j + d_ij + τ_ij·b)/s) + Σ over views (g_i/σ)² + (b/σ_b)²
// is least, as in gain compensation of panoramas (Brown and Lowe, "Automatic panoramic image stitching using invariant
// features", IJCV 2007, eq. 29), but for ratios: d_ij is the median of log₂ of the ratio of linear light, w_ij as its
// spread, its number of pixels and the angle between the views allow, ρ Huber's function by iterated reweighting, s
// what pairs are off, found on the way. Light that stands with the camera, as at a turntable, brightens each surface by
// so much per quarter turn, b, of which τ_ij lie between both views: no gain of any view explains that, going round. A
// gain of less than twice its standard error is none. The mean of the gains is zero over the views that are not odd: no
// spin drifts.
//
// An over-exposed photograph, white over a fifth more of the vehicle than the others are, is odd: what is white has no
// colour that a gain could bring back. So is one that needs more than most_stops.
//
// The views lie round the vehicle in the order of their azimuths, with cameras for pictures of width × height px, which
// all have; the hull is that of `carving`.
CommonExposure common_exposure(const std::vector<PhotoView>& views, const std::vector<PhotoView>& carving, int width,
                               int height, const ExposureOptions& options = {});

}  // namespace spinfill
