// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "geometry/hull/paths.h"
#include "geometry/hull/plan_box.h"
#include "geometry/hull/plan_box_rules.h"
#include "geometry/rays.h"

namespace spinfill::tensor {

at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered) {
  const at::Tensor alpha = references.alpha();
  const std::int64_t B = alpha.size(0), R = alpha.size(1), H = alpha.size(3), W = alpha.size(4);
  const auto [h, w] = plan_raster(H, W);
  constexpr std::int64_t S = kPlanSamples;
  const auto floats = alpha.options();

  // Rays through the silhouettes of the references, [B,P].
  const at::Tensor silhouette =
      at::adaptive_avg_pool2d(alpha.reshape({B * R, 1, H, W}), {h, w}).view({B, R * h * w}) > 0.5;
  const Rays all = camera_rays(references.vehicle_from_camera, references.intrinsics, H, W, h, w);
  const Selection chosen = select(silhouette);
  const at::Tensor origin = chosen.take(all.origin), direction = chosen.take(all.direction);  // [B,P,3]
  const std::int64_t P = origin.size(1);
  const at::Tensor free = at::full({B, 1}, kPlanFree, floats);
  const at::Tensor unbounded = at::cat({-free, free, free}, 1);
  if (P == 0) return unbounded;  // no silhouette at all
  const BoxCrossing segment = intersect_box(origin, direction, hull.centre, hull.half);
  const at::Tensor step = (at::arange(S, floats) + 0.5) / S;
  const at::Tensor t = segment.near.unsqueeze(-1) + (segment.far - segment.near).clamp_min(0).unsqueeze(-1) * step;
  const at::Tensor points = origin.unsqueeze(2) + t.unsqueeze(-1) * direction.unsqueeze(2);  // [B,P,S,3]
  at::Tensor inside = hull.sample(points.view({B, P * S, 3})).view({B, P, S}) > -0.25 * hull.voxel().view({B, 1, 1});
  inside = inside.logical_and(segment.hit.unsqueeze(-1));
  // Which axes some reference looks across: a view within about 23° of lengthways says nothing about the length, one
  // within 23° of sideways nothing about the width.
  const at::Tensor eye = references.vehicle_from_camera.select(-1, 3).narrow(-1, 0, 2);  // [B,R,2]
  const at::Tensor cosine = (eye / eye.norm(2, {-1}, true).clamp_min(1e-6)).abs();
  const at::Tensor across = (cosine < kPlanAcross).logical_and(references.valid.unsqueeze(-1)).any(1);  // [B,2]
  return narrowest_plan(points, inside.logical_and(chosen.valid.unsqueeze(-1)), across, uncovered);
}

at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid) {
  return at::minimum(distance, plan_distance(plan, grid.centres()).view(distance.sizes()));
}

}  // namespace spinfill::tensor
