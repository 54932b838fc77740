// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "core/random.h"

namespace spinfill {

// What a show's hall does to a photograph of a vehicle, for training. Pictures are 8-bit RGB, of one size.

// Lays a turntable or a floor of one colour under a vehicle that is not yet put into `place`, with the vehicle mirrored
// in it. Returns where it lies, 8-bit: a segmenter often takes it for a part of the vehicle. `rgba`: the vehicle,
// straight alpha; `box`: its own, not empty.
cv::Mat lay_show_floor(cv::Mat& place, const cv::Mat& rgba, const cv::Rect& box, Random& random);

// Dark paint under spotlights: what is mid-grey becomes dark, lamps and sharp highlights stay or are added. Alpha
// stays.
cv::Mat under_spotlights(const cv::Mat& rgba, Random& random);

}  // namespace spinfill
