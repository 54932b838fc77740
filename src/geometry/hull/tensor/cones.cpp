// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "geometry/hull/paths.h"
#include "geometry/rays.h"

namespace spinfill::tensor {

at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid) {
  const std::int64_t B = cones.distance.size(0), R = cones.distance.size(1), N = grid.Z * grid.Y * grid.X;
  const Projected projected = project_points(cones.projections, grid.centres());
  // Beyond the picture's edge its border pixel continues.
  const at::Tensor pixels = cones.distance.reshape({B * R, 1, cones.distance.size(2), cones.distance.size(3)});
  at::Tensor d = at::grid_sampler(pixels, projected.grid.view({B * R, 1, N, 2}), 0, 1, false);
  d = d.view({B, R, N}) * (projected.depth * cones.length.unsqueeze(-1));
  return d.masked_fill(cones.valid.logical_not().unsqueeze(-1), kFar).amin(1).view({B, 1, grid.Z, grid.Y, grid.X});
}

}  // namespace spinfill::tensor
