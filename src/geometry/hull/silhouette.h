// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include <Eigen/Core>

namespace spinfill {

// Signed distance of pixel centres to the silhouette's edge, px, positive inside: the edge is where coverage passes ½,
// placed within a pixel by that pixel's coverage. Exact in sign, octagonal (up to 8 % long) in length.
// (Idea: Gustavson & Strand 2011, Anti-aliased Euclidean distance transform.) alpha [...,H,W] → [...,H,W].
at::Tensor silhouette_distance(const at::Tensor& alpha);

// One view's silhouette. Picture coordinates in shares of the picture's width: u right, v down, (0, 0) the upper left
// corner.
class Silhouette {
 public:
  // alpha [H,W] float32 coverage in [0,1]. Reduced to at most `widest` px in width; at most `most_points` on the
  // contour. Fails where nothing is covered.
  explicit Silhouette(const at::Tensor& alpha, std::int64_t widest = 256, std::size_t most_points = 120);

  // Signed distance to the edge, positive inside; bilinear. Beyond the picture it keeps falling.
  double distance(double u, double v) const {
    const double x = u * width_ - 0.5, y = v * width_ - 0.5;  // whole numbers at pixel centres
    if (!(x >= 0 && y >= 0 && x < width_ - 1 && y < height_ - 1)) return distance_beyond(x, y);
    const int ix = static_cast<int>(x), iy = static_cast<int>(y);
    const auto fx = static_cast<float>(x - ix), fy = static_cast<float>(y - iy);
    const float* p = distance_.data() + static_cast<std::ptrdiff_t>(iy) * width_ + ix;
    const float top = p[0] + fx * (p[1] - p[0]), bottom = p[width_] + fx * (p[width_ + 1] - p[width_]);
    return static_cast<double>(top + fy * (bottom - top)) / width_;
  }
  double distance(double u, double v, Eigen::Vector2d& gradient) const;

  // Points of the edge, evenly spread; none along the picture's border, where the vehicle may be cut off.
  const std::vector<Eigen::Vector2d>& contour() const { return contour_; }
  Eigen::Vector2d low() const { return low_; }  // of the box around the covered pixels
  Eigen::Vector2d high() const { return high_; }

 private:
  double distance_beyond(double x, double y) const;

  std::vector<float> distance_;  // [height_, width_] px
  int width_ = 0, height_ = 0;
  std::vector<Eigen::Vector2d> contour_;
  Eigen::Vector2d low_, high_;
};

}  // namespace spinfill
