// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

// He, Sun and Tang, "Guided image filtering", PAMI 2013, eqs. 19 to 21 (colour guide), with the coefficients computed
// where both pictures are small and enlarged afterwards (He and Sun, "Fast guided filter", 2015).
struct GuidedFilter {
  int radius = 6;         // px of the small pictures
  double epsilon = 1e-4;  // of squared colours in [0,1]
};

// guide: 8-bit RGB, large; values: CV_32F, small, of the same shape. CV_32F of the guide's size, which has edges where
// the guide has.
cv::Mat guided_filter(const cv::Mat& guide, const cv::Mat& values, const GuidedFilter& filter = {});

}  // namespace spinfill
