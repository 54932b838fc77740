// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/hull/selection.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

// Letters: B sets, V views, H W pixels, N = V·H·W rays, P those that touch the hull.

// What the pixels that touch the hull see of it.
struct Surface {
  Selection pixels;      // P of N = V·H·W
  at::Tensor coverage;   // [B,P] in (0,1]: share of the pixel inside the silhouette
  at::Tensor depth;      // [B,P] along the ray, vehicle lengths
  at::Tensor point;      // [B,P,3] vehicle frame
  at::Tensor normal;     // [B,P,3] outward unit
  at::Tensor direction;  // [B,P,3] unit, away from the camera
};
// Sphere tracing (Hart 1996) of the hull's distance bound in every view, the crossing refined by a secant step.
Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width);

}  // namespace spinfill
