// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/silhouette.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "geometry/hull/paths.h"

namespace spinfill {

namespace {
constexpr double kFarthest = 1e6;  // px
}

at::Tensor silhouette_distance(const at::Tensor& alpha) {
  return alpha.is_cpu() ? cpu::silhouette_distance(alpha) : tensor::silhouette_distance(alpha);
}

Silhouette::Silhouette(const at::Tensor& alpha, std::int64_t widest, std::size_t most_points) {
  if (alpha.dim() != 2 || alpha.size(0) < 2 || alpha.size(1) < 2)
    fail("silhouette: coverage must be [H,W] of at least 2 px, not {}", c10::str(alpha.sizes()));
  const std::int64_t H = alpha.size(0), W = alpha.size(1), w = std::min(W, widest),
                     h = std::max<std::int64_t>(2, std::lround(static_cast<double>(H) * w / W));
  at::Tensor reduced = alpha.to(at::kCPU, at::kFloat).view({1, 1, H, W});
  if (w < W) reduced = at::adaptive_avg_pool2d(reduced, {h, w});
  const at::Tensor distance = silhouette_distance(reduced).contiguous().view({reduced.size(2), reduced.size(3)});
  height_ = static_cast<int>(distance.size(0));
  width_ = static_cast<int>(distance.size(1));
  const float* d = distance.const_data_ptr<float>();
  distance_.assign(d, d + distance.numel());
  const auto at = [&](int x, int y) { return distance_[static_cast<std::size_t>(y) * width_ + x]; };

  low_ = {1, static_cast<double>(height_) / width_};
  high_ = {0, 0};
  // Where the distance changes sign between neighbours, along rows and columns.
  std::vector<Eigen::Vector2d> crossings;
  const auto cross = [&](double x, double y, bool border) {
    const Eigen::Vector2d point(x / width_, y / width_);
    low_ = low_.cwiseMin(point);
    high_ = high_.cwiseMax(point);
    if (!border) crossings.push_back(point);
  };
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      const double here = at(x, y);
      const bool edge = x == 0 || y == 0 || x + 1 == width_ || y + 1 == height_;
      if (edge && here > 0) cross(x + 0.5, y + 0.5, true);
      const auto neighbour = [&](int dx, int dy) {
        if (x + dx >= width_ || y + dy >= height_) return;
        const double there = at(x + dx, y + dy);
        if ((here > 0) == (there > 0)) return;
        const double share = here / (here - there);
        const bool near_border = edge || x + dx + 1 == width_ || y + dy + 1 == height_;
        cross(x + 0.5 + dx * share, y + 0.5 + dy * share, near_border);
      };
      neighbour(1, 0);
      neighbour(0, 1);
    }
  }
  if (!(high_.x() > low_.x() && high_.y() > low_.y())) fail("silhouette: nothing is covered");
  // Every n-th along the rows and columns is evenly spread along the edge.
  const std::size_t count = std::min(most_points, crossings.size());
  for (std::size_t i = 0; i < count; ++i) contour_.push_back(crossings[i * crossings.size() / count]);
}

double Silhouette::distance_beyond(double x, double y) const {
  Eigen::Vector2d unused;
  return distance((x + 0.5) / width_, (y + 0.5) / width_, unused);
}

double Silhouette::distance(double u, double v, Eigen::Vector2d& gradient) const {
  // Pixel centres lie at whole numbers of x and y. A point beside a camera's plane may lie anywhere.
  const auto within_reason = [](double value) { return value > -kFarthest && value < kFarthest ? value : kFarthest; };
  const double x = within_reason(u * width_ - 0.5), y = within_reason(v * width_ - 0.5);
  const double inner_x = std::clamp(x, 0.0, width_ - 1.001), inner_y = std::clamp(y, 0.0, height_ - 1.001);
  const int ix = static_cast<int>(inner_x), iy = static_cast<int>(inner_y);
  const double fx = inner_x - ix, fy = inner_y - iy;
  const float* p = distance_.data() + static_cast<std::size_t>(iy) * width_ + ix;
  const double top = p[0] + fx * (p[1] - p[0]), bottom = p[width_] + fx * (p[width_ + 1] - p[width_]);
  double value = top + fy * (bottom - top);
  gradient = {(1 - fy) * (p[1] - p[0]) + fy * (p[width_ + 1] - p[width_]), bottom - top};
  const Eigen::Vector2d beyond(x - inner_x, y - inner_y);
  if (const double far = beyond.norm(); far > 0) {
    value -= far;
    gradient = -beyond / far;
  }
  return value / width_;
}

}  // namespace spinfill
