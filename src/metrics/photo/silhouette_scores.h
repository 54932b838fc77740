// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Scores of silhouettes. Masks are CV_8UC1, covered where ≥ 128, both of one size.

// Covered by both over covered by either; 1 where neither covers anything.
double silhouette_iou(const cv::Mat& a, const cv::Mat& b);

// Mean distance, px, of each outline's pixels to the other outline, averaged over both directions (as the symmetric
// surface distance of Heimann et al. 2009, IEEE TMI). 0 where both are empty, the picture's diagonal where one is.
double boundary_error(const cv::Mat& a, const cv::Mat& b);

}  // namespace spinfill
