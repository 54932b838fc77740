// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// How one picture lies in another: x_to = linear·x_from + offset, px, where pixel (u, v) covers [u, u+1) × [v, v+1);
// linear = scale · rotation.
struct Similarity {
  Eigen::Matrix2d linear = Eigen::Matrix2d::Identity();
  Eigen::Vector2d offset = Eigen::Vector2d::Zero();

  double scale() const;
  bool identity(int width, int height) const;  // moves no point of such a picture by 1/1000 px
};

// CV_32FC4 of premultiplied RGBA in, the same out; transparent outside. Lanczos with three lobes (Turkowski, "Filters
// for common resampling tasks", 1990), widened by the shrinkage; below 1/1.5 each pixel's exact area is averaged first.
// Neither coverage nor colour leaves the range of the source pixels around: no ringing, no halo at the mask's edge.
cv::Mat resample(const cv::Mat& premultiplied, const Similarity& similarity, int width, int height);

}  // namespace spinfill
