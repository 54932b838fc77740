// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/hull/visual_hull.h"

namespace spinfill {

// Letters: B sets, V views, H W pixels, N = V·H·W rays, P chosen rays, C channels.

struct Rays {
  at::Tensor origin;     // [B,N,3] vehicle frame
  at::Tensor direction;  // [B,N,3] unit
};
// Rays through the centres of the h×w cells of each view's H×W picture; poses [B,V,4,4], intrinsics [B,V,4].
Rays camera_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t picture_height,
                 std::int64_t picture_width, std::int64_t height, std::int64_t width);

// The rays of each set for which a mask holds, one behind the other and padded to the longest set.
struct Selection {
  at::Tensor index;       // [B,P] int64 into N; N for padding
  at::Tensor valid;       // [B,P] bool
  std::int64_t from = 0;  // N

  at::Tensor take(const at::Tensor& values) const;     // [B,N] or [B,N,C] → [B,P(,C)]; padding takes some other ray's
  at::Tensor scatter(const at::Tensor& values) const;  // back: [B,P,C] → [B,N,C], 0 elsewhere
  // The same as pictures, [B,V,C,H,W] with N = V·H·W.
  at::Tensor maps(const at::Tensor& values, std::int64_t views, std::int64_t height, std::int64_t width) const;
};
Selection select(const at::Tensor& mask);  // [B,N] bool

// Where rays cross a box (slab method, Kay & Kajiya 1986); origin, direction [B,P,3], centre, half [B,3].
struct Segment {
  at::Tensor near, far;  // [B,P] along the ray, vehicle lengths
  at::Tensor hit;        // [B,P] bool
};
Segment intersect_box(const at::Tensor& origin, const at::Tensor& direction, const at::Tensor& centre,
                      const at::Tensor& half);

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
