// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

cv::Mat blurred(const cv::Mat& map, double sigma);  // px; the border's values go on beyond it

// What photographs in different light have in common: grey values less their local mean, over their local contrast,
// within about `sigma` px. CV_32FC1; 0 where `seen`, 0 or 1, is 0.
cv::Mat local_structure(const cv::Mat& grey, const cv::Mat& seen, double sigma);

}  // namespace spinfill
