// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "geometry/hull/paths.h"
#include "geometry/rays.h"

namespace spinfill::tensor {

at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width) {
  const at::Tensor hit = (surface.coverage >= 0.5).to(at::kFloat);
  const at::Tensor depth =
      maps(surface.pixels, at::stack({surface.depth * hit, hit}, 2), views, height, width);  // [B,V,2,H,W]
  return at::cat({references.premultiplied, references.gather(depth)}, 2);
}

Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options) {
  const std::int64_t B = reference_maps.size(0), R = reference_maps.size(1), H = reference_maps.size(3),
                     W = reference_maps.size(4);
  const std::int64_t P = surface.point.size(1);
  const at::Tensor sign = at::tensor({1.0, mirror ? -1.0 : 1.0, 1.0}, surface.point.options());
  const at::Tensor point = surface.point * sign, normal = surface.normal * sign;  // [B,P,3]
  const at::Tensor viewing = surface.direction * sign;

  const Projected projected =
      project_points(projection_matrices(references.vehicle_from_camera, references.intrinsics, H, W), point);
  const at::Tensor grid = projected.grid.view({B * R, 1, P, 2});
  const at::Tensor s =
      at::grid_sampler(reference_maps.reshape({B * R, 6, H, W}), grid, 0, /*zeros*/ 0, false).view({B, R, 6, P});
  const at::Tensor hit = s.select(2, 5);
  at::Tensor seen = s.narrow(2, 0, 3), alpha = s.select(2, 3);  // [B,R,3,P], [B,R,P]
  if (options.bicubic) {
    const at::Tensor cubic =
        at::grid_sampler(reference_maps.narrow(2, 0, 4).reshape({B * R, 4, H, W}), grid, 2, /*zeros*/ 0, false)
            .view({B, R, 4, P});
    // It overshoots at edges: cut back, so that alpha ≥ 0 and no premultiplied colour exceeds its alpha.
    alpha = cubic.select(2, 3).clamp_min(0);
    seen = at::minimum(cubic.narrow(2, 0, 3).clamp_min(0), alpha.unsqueeze(2));
  }

  const at::Tensor eye = references.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat);  // [B,R,3]
  const at::Tensor to_point = point.unsqueeze(1) - eye.unsqueeze(2);                                    // [B,R,P,3]
  const at::Tensor distance = to_point.norm(2, {-1});                                                   // [B,R,P]
  const at::Tensor facing = -(to_point * normal.unsqueeze(1)).sum(-1) / distance;
  const at::Tensor together = (to_point * viewing.unsqueeze(1)).sum(-1) / distance;

  // In sight: not behind the surface that the reference itself sees there. A slanted surface changes its depth within
  // a pixel, so the slack grows with the slant.
  const at::Tensor own = s.select(2, 4) / hit.clamp_min(1e-4);
  const at::Tensor own_slack = slack.view({B, 1, 1}) / facing.clamp(0.25, 1);
  const at::Tensor in_sight = (2 - (distance - own) / own_slack).clamp(0, 1) * hit;
  at::Tensor weight = facing.clamp_min(0).pow(options.frontal_power) * (options.closeness * (together - 1)).exp();
  weight = at::where(references.valid.unsqueeze(-1), weight * in_sight, at::zeros({}, weight.options()));

  const at::Tensor sum = (weight * alpha).sum(1);                 // [B,P]
  const at::Tensor colour = (weight.unsqueeze(2) * seen).sum(1);  // [B,3,P]
  Warped out;
  out.colour = (colour / sum.clamp_min(1e-6).unsqueeze(1)).clamp(0, 1).transpose(1, 2);
  out.confidence = sum / (sum + options.half_weight);
  return out;
}

}  // namespace spinfill::tensor
