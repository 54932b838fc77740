// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/pictures/similarity.h"

namespace spinfill {

inline constexpr int kWidestFrame = 1200;  // px

// The vehicle alone, with a little room: 8-bit RGBA, no larger than a common frame needs. `rgba` is a photograph with
// its mask as alpha, `box` the vehicle's.
cv::Mat vehicle_crop(const cv::Mat& rgba, const cv::Rect& box);

// Photographs taken from any distance, framed as on one turntable: the vehicle in the middle of each, everywhere as
// high (seen from all around a vehicle is about as high, but not as wide). All of one size, 3:2, at most kWidestFrame
// px wide and no more enlarged than half of them need. What this leaves over, stabilisation finds
// (geometry/spin/stabilise.h).
struct CommonFrame {
  int width = 0, height = 0;       // px
  std::vector<Similarity> places;  // of each crop in it
};
CommonFrame common_frame(const std::vector<cv::Mat>& crops);
std::vector<cv::Mat> common_frames(const std::vector<cv::Mat>& crops);

}  // namespace spinfill
