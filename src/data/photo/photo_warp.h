// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "data/priors/priors.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The hull warp of one view at the size of the set's pictures, in a window that holds the hull.
struct PhotoWarp {
  cv::Rect window;   // in the picture, px; may reach beyond it
  cv::Mat colour;    // CV_32FC3 straight sRGB in [0,1], filled from the surroundings where nothing was seen
  cv::Mat alpha;     // CV_32FC1 in [0,1]
  cv::Mat trust;     // CV_32FC1 in [0,1]: 0 where no reference shows the surface, directly or mirrored
  cv::Mat mirrored;  // CV_32FC1 in [0,1]: share of what was seen that is from the mirror side
};
using SlotWarps = std::array<std::optional<PhotoWarp>, kSlots>;

// Warps the references onto each view in set.missing, at the size of the set's pictures. Every frame of the set, given
// or missing, needs a camera; `pictures` holds the given ones. Computed within windows round the hull, so that the cost
// goes with the vehicle's size and not with the picture's. Voxels have about two pixels. A view that sees nothing of
// the hull has none: masks and cameras that have no body in common.
// `progress` is told how many of the steps are done: the hull, then each view.
SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures,
                      const std::function<void(std::int64_t done, std::int64_t steps)>& progress = {});

// What it shows by itself: 8-bit straight RGBA of the picture's size.
cv::Mat picture_of(const PhotoWarp& warp, int width, int height);
// The same of any premultiplied window, CV_32FC4.
cv::Mat picture_of(const cv::Mat& premultiplied, const cv::Rect& window, int width, int height);

}  // namespace spinfill
