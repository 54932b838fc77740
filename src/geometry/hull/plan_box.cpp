// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/plan_box.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "geometry/hull/paths.h"
#include "geometry/hull/plan_box_rules.h"

namespace spinfill {

namespace {

// Half width at x as a share of the largest.
at::Tensor taper(const at::Tensor& x, const at::Tensor& rear, const at::Tensor& front) {
  const at::Tensor reach = (front - rear) * kTaperLength;
  const at::Tensor into = at::maximum(x - (front - reach), (rear + reach) - x) / reach;
  return 1 - kTaperDepth * into.clamp(0, 1).square();
}

// The level that is enough for all but the share `uncovered` of the counted pixels. need [B,P], counted [B,P] → [B,1].
at::Tensor level(const at::Tensor& need, const at::Tensor& counted, double uncovered) {
  const double lowest = -std::numeric_limits<double>::infinity();
  const at::Tensor sorted = std::get<0>(need.masked_fill(counted.logical_not(), lowest).sort(1, /*descending=*/true));
  const at::Tensor skip = (counted.sum(1, true).to(at::kDouble) * uncovered).floor().to(at::kLong);
  return sorted.gather(1, skip.clamp_max(sorted.size(1) - 1));
}

}  // namespace

at::Tensor plan_distance(const at::Tensor& plan, const at::Tensor& points) {
  const at::Tensor rear = plan.narrow(1, 0, 1), front = plan.narrow(1, 1, 1), width = plan.narrow(1, 2, 1);
  const at::Tensor x = points.select(2, 0), y = points.select(2, 1);
  return at::minimum(at::minimum(front - x, x - rear), width * taper(x, rear, front) - y.abs());
}

std::pair<std::int64_t, std::int64_t> plan_raster(std::int64_t height, std::int64_t width) {
  const std::int64_t w = std::min<std::int64_t>(width, 40);
  return {std::max<std::int64_t>(1, std::lround(double(height) * w / width)), w};
}

at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered) {
  return hull.distance.is_cpu() ? cpu::fit_plan_box(hull, references, uncovered)
                                : tensor::fit_plan_box(hull, references, uncovered);
}

at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid) {
  return distance.is_cpu() ? cpu::clip_by_plan(distance, plan, grid) : tensor::clip_by_plan(distance, plan, grid);
}

at::Tensor narrowest_plan(const at::Tensor& points, const at::Tensor& inside_hull, const at::Tensor& across,
                          double uncovered) {
  const auto floats = points.options();
  const at::Tensor free = at::full({points.size(0), 1}, kPlanFree, floats);
  // Pixels that the hull itself does not explain say nothing about the box.
  at::Tensor inside = inside_hull;
  const at::Tensor counted = inside.any(2);
  const at::Tensor x = points.select(3, 0), y = points.select(3, 1).abs();
  const auto least = [&](const at::Tensor& value) {
    return value.masked_fill(inside.logical_not(), kPlanFree).amin(2);
  };
  const at::Tensor shows_length = across.narrow(1, 0, 1), shows_width = across.narrow(1, 1, 1);
  const double share = uncovered / 3;
  const at::Tensor front = at::where(shows_length, level(least(x), counted, share), free);
  inside = inside.logical_and(x <= front.unsqueeze(-1));
  const at::Tensor rear = at::where(shows_length, -level(least(-x), counted, share), -free);
  inside = inside.logical_and(x >= rear.unsqueeze(-1));
  const at::Tensor seen = level(least(y / taper(x, rear.unsqueeze(-1), front.unsqueeze(-1))), counted, share);
  const at::Tensor width = at::where(shows_width, seen.clamp_min(kNarrowest), at::full({}, kUsual, floats));
  const at::Tensor plan = at::cat({rear, front, width}, 1);
  return at::where(counted.any(1, true), plan, at::cat({-free, free, free}, 1));
}

}  // namespace spinfill
