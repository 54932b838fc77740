// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/visual_hull.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "geometry/hull/cones.h"
#include "geometry/hull/flanks.h"
#include "geometry/hull/plan_box.h"

namespace spinfill {

namespace {

// Where a vehicle may lie. Generous: without cameras its length is 1 only roughly.
constexpr double kDomain[3] = {0.75, 0.45, 0.45};
constexpr std::int64_t kCoarse[3] = {30, 18, 18};

void bound(Hull& hull, const References& references, const HullOptions& options) {
  const std::int64_t B = references.index.size(0);
  const auto floats = references.premultiplied.options();
  const at::Tensor zero = at::zeros({B, 3}, floats);
  const at::Tensor domain = at::stack(
      {at::full({B}, kDomain[0], floats), at::full({B}, kDomain[1], floats), at::full({B}, kDomain[2], floats)}, 1);
  const VoxelGrid grid{zero, domain, kCoarse[0], kCoarse[1], kCoarse[2]};
  const at::Tensor points = grid.centres();
  at::Tensor d = cone_distance(cones_of(references, 48), grid);
  if (options.mirror) d = at::minimum(d, d.flip(3));
  // A voxel may hold a part of the body where its centre is nearer than half its diagonal.
  double diagonal = 0;
  for (int i = 0; i < 3; ++i) diagonal += std::pow(2 * kDomain[i] / kCoarse[i], 2);
  const at::Tensor occupied = (d > -0.5 * std::sqrt(diagonal)).view({B, -1, 1});  // [B,N,1]
  const at::Tensor any = occupied.any(1).logical_and(references.valid.any(1, true));
  const at::Tensor low = points.masked_fill(occupied.logical_not(), kFar).amin(1);
  const at::Tensor high = points.masked_fill(occupied.logical_not(), -kFar).amax(1);
  at::Tensor centre = at::where(any, (low + high) / 2, zero);
  at::Tensor half = at::where(any, (high - low) / 2 + domain / at::tensor(at::IntArrayRef(kCoarse, 3), floats), domain);
  // Symmetric in Y, so that mirroring the body is flipping the grid.
  half = at::stack({half.select(1, 0), half.select(1, 1) + centre.select(1, 1).abs(), half.select(1, 2)}, 1);
  centre = at::stack({centre.select(1, 0), at::zeros_like(centre.select(1, 1)), centre.select(1, 2)}, 1);
  hull.centre = centre;
  hull.half = half;
}

}  // namespace

at::Tensor Hull::sample(const at::Tensor& points) const {
  const std::int64_t B = points.size(0), P = points.size(1);
  const at::Tensor g = (points - centre.unsqueeze(1)) / half.unsqueeze(1);
  return at::grid_sampler(distance, g.view({B, 1, 1, P, 3}), 0, 1, false).view({B, P});
}

at::Tensor Hull::voxel() const {
  const at::Tensor count =
      at::tensor({2.0 / distance.size(4), 2.0 / distance.size(3), 2.0 / distance.size(2)}, half.options());
  return (half * count).mean(1);
}

at::Tensor Hull::slack() const {
  return 2 * voxel();
}

Hull carve_hull(const References& references, const HullOptions& options) {
  if (options.grid < 8 || options.grid > 512) fail("visual hull: grid must lie in 8…512, not {}", options.grid);
  const std::int64_t B = references.index.size(0);
  const std::int64_t X = options.grid, Y = 2 * ((X + 3) / 4), Z = Y;
  Hull hull;
  bound(hull, references, options);
  const VoxelGrid grid{hull.centre, hull.half, X, Y, Z};
  const Cones cones = cones_of(references, 2 * X);
  const at::Tensor d = cone_distance(cones, grid);
  const at::Tensor any = references.valid.any(1).view({B, 1, 1, 1, 1});
  hull.distance = at::where(any, d, at::full({}, -kFar, d.options()));
  if (options.mirror) hull.distance = at::minimum(hull.distance, hull.distance.flip(3));
  hull.plan = at::tensor({-kFar, kFar, kFar}, d.options()).expand({B, 3});
  if (options.plan_box && options.sections) {
    bound_flanks(hull, references, cones, grid, options.uncovered);
  } else if (options.plan_box) {
    hull.plan = fit_plan_box(hull, references, options.uncovered);
    hull.distance = clip_by_plan(hull.distance, hull.plan, grid);
  }
  return hull;
}

}  // namespace spinfill
