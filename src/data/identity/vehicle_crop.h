// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// The vehicle in an 8-bit straight RGBA picture, px: the box of coverage ≥ 128/255 and 4 % of its sides more on each
// side, as far as the picture goes; empty where nothing is covered so far.
cv::Rect embedded_box(const cv::Mat& rgba);

// That part of the picture composited on white, [3,h,w] float32 of 8-bit values in [0,1].
at::Tensor on_white(const cv::Mat& rgba, const cv::Rect& box);
// CV_32FC4 premultiplied, whole: the same.
at::Tensor on_white(const cv::Mat& premultiplied);

}  // namespace spinfill
