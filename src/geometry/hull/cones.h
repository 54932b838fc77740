// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/hull/references.h"

namespace spinfill {

// Letters: B sets, R references, h w pixels of a reduced silhouette, X Y Z voxels.

inline constexpr double kFar = 10;  // vehicle lengths: beyond everything

// The box of a voxel grid and its size.
struct VoxelGrid {
  at::Tensor centre, half;  // [B,3]
  std::int64_t X = 0, Y = 0, Z = 0;

  at::Tensor centres() const;  // of the voxels, [B,Z·Y·X,3]
};

// The references' silhouettes as distance pictures.
struct Cones {
  at::Tensor distance;     // [B,R,h,w] px of h×w
  at::Tensor length;       // [B,R]: vehicle lengths per px at depth 1
  at::Tensor projections;  // [B,R,3,4]
  at::Tensor valid;        // [B,R]
};

// Reduced to at most `widest` px in width, so that a pixel stays near the size of a voxel.
Cones cones_of(const References& references, std::int64_t widest);

// Lower bound of the signed distance to the intersection of the cones at the voxel centres, [B,1,Z,Y,X].
at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid);

}  // namespace spinfill
