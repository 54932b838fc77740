// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/hull/references.h"

namespace spinfill {

// Letters: B sets, X Y Z voxels, P points.

struct HullOptions {
  std::int64_t grid = 64;   // voxels along the vehicle's length
  bool mirror = true;       // intersect with the mirror image across Y = 0
  bool plan_box = true;     // bound bulging flanks by a plan box
  bool sections = false;    // with plan_box: bound flanks by the section of the one shown end, too (flanks.h)
  double uncovered = 0.01;  // share of the references' silhouettes that the plan box may uncover
};

// Visual hull (Laurentini 1994): the largest body inside every reference's silhouette cone.
struct Hull {
  at::Tensor distance;  // [B,1,Z,Y,X] float32: lower bound of the signed distance, vehicle lengths, positive inside
  at::Tensor centre;    // [B,3] of the grid's box; y = 0
  at::Tensor half;      // [B,3] half sizes of the box, from outer face to outer face
  at::Tensor plan;      // [B,3] plan box: rear x, front x, half width; infinite where not used

  at::Tensor sample(const at::Tensor& points) const;  // distance at [B,P,3] → [B,P]
  at::Tensor voxel() const;                           // [B] mean voxel size
  at::Tensor slack() const;                           // [B] how exact a depth is: two voxels
};

Hull carve_hull(const References& references, const HullOptions& options);

}  // namespace spinfill
