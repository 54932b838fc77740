// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

// How a picture has to be moved to lie on another best: how an unseen view was framed cannot be known.
struct Alignment {
  double scale = 1;                 // about the box's centre
  double shift_x = 0, shift_y = 0;  // px, right and down, after that
};

// The scale (0.8 to 1.25) and shift (up to 15 % of the box) that bring `picture` nearest to `truth` within the box, by
// the squared error of premultiplied colour and coverage. Both 8-bit straight RGBA of one size. Found on means of so
// many pixels that 128 of them hold the box, by descending steps from the better of no change and what the two
// silhouettes' boxes suggest; never worse than no change there. Deterministic.
Alignment align(const cv::Mat& picture, const cv::Mat& truth, const cv::Rect& box);

// The picture moved so, cropped to the box: CV_32FC4 premultiplied, cubic.
cv::Mat moved(const cv::Mat& picture, const Alignment& alignment, const cv::Rect& box);

}  // namespace spinfill
