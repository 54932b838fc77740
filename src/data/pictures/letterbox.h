// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"

namespace spinfill {

// How a picture was fitted into another size: one scale for both axes, centred, transparent outside. In coordinates
// where pixel (u, v) covers [u, u+1) × [v, v+1):  x_to = scale·x_from + offset_x,  y_to = scale·y_from + offset_y.
struct Letterbox {
  int from_width = 0, from_height = 0, to_width = 0, to_height = 0;  // px
  double scale = 1, offset_x = 0, offset_y = 0;

  // The way back: what it puts outside of the original picture is cut off.
  Letterbox inverse() const;
  Camera camera(const Camera& camera) const;  // intrinsics of the fitted picture, exact
  bool identity() const;
};
Letterbox fit(int from_width, int from_height, int to_width, int to_height);

// CV_32FC4 of premultiplied RGBA in, the same out. Shrinking averages over each pixel's exact area; enlarging is cubic
// (Keys, "Cubic convolution interpolation for digital image processing", 1981, a = −½) and clamped to valid colours.
// What lies outside of the source counts as transparent when shrinking; edges are repeated when enlarging.
cv::Mat resample(const cv::Mat& premultiplied, const Letterbox& letterbox);

// 8-bit straight RGBA ↔ float premultiplied RGBA in [0,1].
cv::Mat premultiplied(const cv::Mat& rgba);
cv::Mat straight(const cv::Mat& premultiplied);

}  // namespace spinfill
