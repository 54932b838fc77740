// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/visual_hull.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "geometry/hull/flanks.h"
#include "geometry/hull/paths.h"
#include "geometry/hull/plan_box.h"
#include "geometry/rays.h"

namespace spinfill {

namespace {

// Where a vehicle may lie. Generous: without cameras its length is 1 only roughly.
constexpr double kDomain[3] = {0.75, 0.45, 0.45};
constexpr std::int64_t kCoarse[3] = {30, 18, 18};

// Reduced so that a pixel stays near the size of a voxel.
Cones cones_of(const References& references, std::int64_t widest) {
  const at::Tensor alpha = references.alpha();
  const std::int64_t B = alpha.size(0), R = alpha.size(1), H = alpha.size(3), W = alpha.size(4);
  const std::int64_t w = std::min(W, widest), h = std::max<std::int64_t>(1, std::lround(double(H) * w / W));
  at::Tensor reduced = alpha.reshape({B * R, 1, H, W});
  if (w < W) reduced = at::adaptive_avg_pool2d(reduced, {h, w});
  const at::Tensor fx = references.intrinsics.select(-1, 0) * (double(w) / W);
  const at::Tensor fy = references.intrinsics.select(-1, 1) * (double(h) / H);
  return {silhouette_distance(reduced).view({B, R, reduced.size(2), reduced.size(3)}),
          at::rsqrt(fx * fy).to(at::kFloat),
          projection_matrices(references.vehicle_from_camera, references.intrinsics, H, W), references.valid};
}

at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid) {
  return cones.distance.is_cpu() ? cpu::cone_distance(cones, grid) : tensor_path::cone_distance(cones, grid);
}

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

at::Tensor References::alpha() const {
  return premultiplied.narrow(2, 3, 1);
}

at::Tensor References::gather(const at::Tensor& per_view) const {
  std::vector<std::int64_t> shape(per_view.sizes().begin(), per_view.sizes().end());
  shape[1] = count();
  // Whole rows: much cheaper than a gather with an index for every pixel.
  const at::Tensor row = index + at::arange(shape[0], index.options()).unsqueeze(1) * per_view.size(1);
  return per_view.flatten(0, 1).index_select(0, row.flatten()).view(shape);
}

References gather_references(const at::Tensor& colour, const at::Tensor& alpha, const at::Tensor& background,
                             const at::Tensor& is_reference, const at::Tensor& vehicle_from_camera,
                             const at::Tensor& intrinsics) {
  References out;
  // References first, in the order of their slots.
  const at::Tensor order = at::argsort(is_reference.logical_not().to(at::kInt), /*stable=*/true, 1);
  const std::int64_t most = std::max<std::int64_t>(1, is_reference.sum(1).max().item<std::int64_t>());
  const at::Tensor index = order.narrow(1, 0, most).contiguous();
  out.index = index.to(colour.device());
  out.valid = is_reference.gather(1, index).to(colour.device());
  // torch.where, not a product: NaN · 0 is NaN.
  const at::Tensor valid = out.valid.view({out.valid.size(0), most, 1, 1, 1});
  const at::Tensor zero = at::zeros({}, colour.options());
  const at::Tensor a = at::where(valid, out.gather(alpha), zero);
  const at::Tensor c = at::where(valid, out.gather(colour), zero);
  const at::Tensor under = (1 - a) * background.view({background.size(0), 1, 3, 1, 1});
  out.premultiplied = at::cat({at::where(valid, (c - under).clamp(0, 1), zero), a}, 2);
  out.vehicle_from_camera = out.gather(vehicle_from_camera);
  out.intrinsics = out.gather(intrinsics);
  return out;
}

at::Tensor silhouette_distance(const at::Tensor& alpha) {
  return alpha.is_cpu() ? cpu::silhouette_distance(alpha) : tensor_path::silhouette_distance(alpha);
}

at::Tensor VoxelGrid::centres() const {
  const std::int64_t B = centre.size(0);
  const auto axis = [&](std::int64_t n, int i) {  // [B,n]
    const at::Tensor unit = (at::arange(n, centre.options()) + 0.5) * (2.0 / n) - 1;
    return centre.narrow(1, i, 1) + half.narrow(1, i, 1) * unit;
  };
  const at::Tensor x = axis(X, 0).view({B, 1, 1, X}).expand({B, Z, Y, X});
  const at::Tensor y = axis(Y, 1).view({B, 1, Y, 1}).expand({B, Z, Y, X});
  const at::Tensor z = axis(Z, 2).view({B, Z, 1, 1}).expand({B, Z, Y, X});
  return at::stack({x, y, z}, -1).view({B, Z * Y * X, 3});
}

at::Tensor tensor_path::cone_distance(const Cones& cones, const VoxelGrid& grid) {
  const std::int64_t B = cones.distance.size(0), R = cones.distance.size(1), N = grid.Z * grid.Y * grid.X;
  const Projected projected = project_points(cones.projections, grid.centres());
  // Beyond the picture's edge its border pixel continues.
  const at::Tensor pixels = cones.distance.reshape({B * R, 1, cones.distance.size(2), cones.distance.size(3)});
  at::Tensor d = at::grid_sampler(pixels, projected.grid.view({B * R, 1, N, 2}), 0, 1, false);
  d = d.view({B, R, N}) * (projected.depth * cones.length.unsqueeze(-1));
  return d.masked_fill(cones.valid.logical_not().unsqueeze(-1), kFar).amin(1).view({B, 1, grid.Z, grid.Y, grid.X});
}

at::Tensor tensor_path::silhouette_distance(const at::Tensor& alpha) {
  constexpr double kReach = 1e3;
  const std::int64_t H = alpha.size(-2), W = alpha.size(-1);
  // Distances from outside (over pixels with some coverage) and from inside (over pixels with some gap), together.
  // A pixel of coverage α holds the edge ½ − α pixels outwards of its centre.
  const at::Tensor outside = at::where(alpha > 0.02, 0.5 - alpha, at::full({}, kReach, alpha.options()));
  const at::Tensor inside = at::where(alpha < 0.98, alpha - 0.5, at::full({}, kReach, alpha.options()));
  at::Tensor d = at::stack({outside, inside});  // [2,...,H,W]
  const auto pass = [&](std::int64_t dx, std::int64_t dy) {
    const double cost = std::hypot(static_cast<double>(dx), static_cast<double>(dy));
    const std::int64_t w = W - std::abs(dx), h = H - std::abs(dy);
    if (w <= 0 || h <= 0) return;
    const at::Tensor to = d.narrow(-1, std::max<std::int64_t>(dx, 0), w).narrow(-2, std::max<std::int64_t>(dy, 0), h);
    const at::Tensor from =
        d.narrow(-1, std::max<std::int64_t>(-dx, 0), w).narrow(-2, std::max<std::int64_t>(-dy, 0), h);
    to.copy_(at::minimum(to, from + cost));
  };
  // Steps of doubling length along the four axes span every octagonal path up to 31 px.
  constexpr std::int64_t kAxes[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
  for (const auto& axis : kAxes)
    for (std::int64_t s = 1; s <= 16; s *= 2) {
      pass(s * axis[0], s * axis[1]);
      pass(-s * axis[0], -s * axis[1]);
    }
  d = d.clamp_max(31);
  return at::where(alpha >= 0.5, d[1].clamp_min(0), -d[0].clamp_min(0));
}

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
    if (hull.distance.is_cpu())
      cpu::clip_by_plan(hull.distance, hull.plan, grid);
    else
      hull.distance = at::minimum(hull.distance, plan_distance(hull.plan, grid.centres()).view({B, 1, Z, Y, X}));
  }
  return hull;
}

}  // namespace spinfill
