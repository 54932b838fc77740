// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace spinfill {

// Letters: … any leading sizes (B sets, V views), H W pixels of the picture, h w cells of a coarser raster on it,
// N points.

// Plücker coordinates r = [d ; o×d] of the rays through the centres of the h×w cells that divide the H×W picture, in
// the vehicle frame: d the unit direction, o the camera's position (vehicle lengths). Any point of the ray may stand
// for o. (Sitzmann et al. 2021, Light Field Networks, eq. 2.)
// vehicle_from_camera [...,4,4] float64, OpenGL axes; intrinsics [...,4] float64 fl_x fl_y cx cy in px of H×W.
// Returns [...,6,h,w] float32 on the same device.
at::Tensor pluecker_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                         std::int64_t picture_height, std::int64_t picture_width, std::int64_t height,
                         std::int64_t width);

// Unit directions alone, vehicle frame: [...,3,h,w] float32.
at::Tensor ray_directions(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                          std::int64_t picture_height, std::int64_t picture_width, std::int64_t height,
                          std::int64_t width);

// P [...,3,4] float32 with P·(x, y, z, 1) = (g_x·s, g_y·s, s): s the point's depth in front of the camera (vehicle
// lengths), g the picture coordinates that grid_sample(align_corners = false) takes: −1 and 1 at the picture's edges.
at::Tensor projection_matrices(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                               std::int64_t picture_height, std::int64_t picture_width);

// Points [B,N,3] in every view of projections [B,V,3,4].
struct Projected {
  at::Tensor grid;   // [B,V,N,2] for grid_sample
  at::Tensor depth;  // [B,V,N] in front of the camera, at least 1e-3
};
Projected project_points(const at::Tensor& projections, const at::Tensor& points);

// Rays through the centres of the h×w cells of each view's H×W picture, one view after another; poses [B,V,4,4],
// intrinsics [B,V,4].
struct Rays {
  at::Tensor origin;     // [B,V·h·w,3] float32, vehicle frame
  at::Tensor direction;  // [B,V·h·w,3] unit
};
Rays camera_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t picture_height,
                 std::int64_t picture_width, std::int64_t height, std::int64_t width);

// Where rays cross a box (slab method, Kay & Kajiya 1986); origin, direction [B,N,3], centre, half [B,3].
struct BoxCrossing {
  at::Tensor near, far;  // [B,N] along the ray, vehicle lengths
  at::Tensor hit;        // [B,N] bool
};
BoxCrossing intersect_box(const at::Tensor& origin, const at::Tensor& direction, const at::Tensor& centre,
                          const at::Tensor& half);

}  // namespace spinfill
