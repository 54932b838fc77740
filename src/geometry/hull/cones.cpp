// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/cones.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "geometry/hull/paths.h"
#include "geometry/hull/silhouette.h"
#include "geometry/rays.h"

namespace spinfill {

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
  return cones.distance.is_cpu() ? cpu::cone_distance(cones, grid) : tensor::cone_distance(cones, grid);
}

}  // namespace spinfill
