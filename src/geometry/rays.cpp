// SPDX-License-Identifier: Apache-2.0
#include "geometry/rays.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace spinfill {

namespace {

void check_cameras(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics) {
  if (vehicle_from_camera.dim() < 2 || vehicle_from_camera.size(-1) != 4 || vehicle_from_camera.size(-2) != 4)
    fail("rays: vehicle_from_camera must be [...,4,4]");
  if (intrinsics.dim() + 1 != vehicle_from_camera.dim() || intrinsics.size(-1) != 4)
    fail("rays: intrinsics must be [...,4] beside vehicle_from_camera [...,4,4]");
}

// Unit directions in float64, [...,3,h,w].
at::Tensor directions64(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t H,
                        std::int64_t W, std::int64_t h, std::int64_t w) {
  check_cameras(vehicle_from_camera, intrinsics);
  if (H <= 0 || W <= 0 || h <= 0 || w <= 0) fail("rays: empty raster {}x{} on a picture of {}x{} px", w, h, W, H);
  const auto options = vehicle_from_camera.options().dtype(at::kDouble);
  const at::Tensor k = intrinsics.to(at::kDouble).unsqueeze(-1).unsqueeze(-1);  // [...,4,1,1]
  // Cell j of w covers [j, j+1]·W/w in picture coordinates; pixel centres lie at +½.
  const at::Tensor u = ((at::arange(w, options) + 0.5) * (static_cast<double>(W) / w)).view({1, w});
  const at::Tensor v = ((at::arange(h, options) + 0.5) * (static_cast<double>(H) / h)).view({h, 1});
  const at::Tensor x = ((u - k.select(-3, 2)) / k.select(-3, 0));   // [...,1,w]
  const at::Tensor y = (-(v - k.select(-3, 3)) / k.select(-3, 1));  // [...,h,1]: picture's v points down, camera's Y up
  const at::Tensor r =
      vehicle_from_camera.to(at::kDouble).narrow(-2, 0, 3).unsqueeze(-1).unsqueeze(-1);  // [...,3,4,1,1]
  const at::Tensor d = r.select(-3, 0) * x.unsqueeze(-3) + r.select(-3, 1) * y.unsqueeze(-3) - r.select(-3, 2);
  return d / d.norm(2, {-3}, true);
}

}  // namespace

at::Tensor ray_directions(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                          std::int64_t picture_height, std::int64_t picture_width, std::int64_t height,
                          std::int64_t width) {
  return directions64(vehicle_from_camera, intrinsics, picture_height, picture_width, height, width).to(at::kFloat);
}

at::Tensor pluecker_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                         std::int64_t picture_height, std::int64_t picture_width, std::int64_t height,
                         std::int64_t width) {
  const at::Tensor d = directions64(vehicle_from_camera, intrinsics, picture_height, picture_width, height, width);
  const at::Tensor o = vehicle_from_camera.to(at::kDouble).narrow(-2, 0, 3).select(-1, 3).unsqueeze(-1).unsqueeze(-1);
  const at::Tensor moment = at::linalg_cross(o.expand_as(d), d, -3);
  return at::cat({d, moment}, -3).to(at::kFloat);
}

at::Tensor projection_matrices(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                               std::int64_t picture_height, std::int64_t picture_width) {
  check_cameras(vehicle_from_camera, intrinsics);
  const at::Tensor pose = vehicle_from_camera.to(at::kDouble), k = intrinsics.to(at::kDouble);
  const at::Tensor camera_from_vehicle = pose.narrow(-2, 0, 3).narrow(-1, 0, 3).transpose(-1, -2);  // [...,3,3]
  const at::Tensor shift = -camera_from_vehicle.matmul(pose.narrow(-2, 0, 3).narrow(-1, 3, 1));     // [...,3,1]
  const at::Tensor rigid = at::cat({camera_from_vehicle, shift}, -1);                               // [...,3,4]
  const at::Tensor x = rigid.select(-2, 0), y = rigid.select(-2, 1), depth = -rigid.select(-2, 2);  // [...,4]
  const double W = static_cast<double>(picture_width), H = static_cast<double>(picture_height);
  const at::Tensor gx = x * (2 / W * k.narrow(-1, 0, 1)) + depth * (2 / W * k.narrow(-1, 2, 1) - 1);
  const at::Tensor gy = -y * (2 / H * k.narrow(-1, 1, 1)) + depth * (2 / H * k.narrow(-1, 3, 1) - 1);
  return at::stack({gx, gy, depth}, -2).to(at::kFloat);
}

Projected project_points(const at::Tensor& projections, const at::Tensor& points) {
  const at::Tensor linear = projections.narrow(-1, 0, 3).transpose(-1, -2);  // [B,V,3,3]
  const at::Tensor shift = projections.narrow(-1, 3, 1).transpose(-1, -2);   // [B,V,1,3]
  const at::Tensor p = at::matmul(points.unsqueeze(1), linear) + shift;      // [B,V,N,3]
  const at::Tensor depth = p.narrow(-1, 2, 1).clamp_min(1e-3);
  return {p.narrow(-1, 0, 2) / depth, depth.squeeze(-1)};
}

Rays camera_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t picture_height,
                 std::int64_t picture_width, std::int64_t height, std::int64_t width) {
  const std::int64_t B = vehicle_from_camera.size(0), V = vehicle_from_camera.size(1);
  const at::Tensor d =
      ray_directions(vehicle_from_camera, intrinsics, picture_height, picture_width, height, width);  // [B,V,3,h,w]
  const at::Tensor direction = d.permute({0, 1, 3, 4, 2}).reshape({B, V * height * width, 3});
  const at::Tensor eye = vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat);  // [B,V,3]
  const at::Tensor origin = eye.unsqueeze(2).expand({B, V, height * width, 3}).reshape({B, V * height * width, 3});
  return {origin, direction};
}

BoxCrossing intersect_box(const at::Tensor& origin, const at::Tensor& direction, const at::Tensor& centre,
                          const at::Tensor& half) {
  const at::Tensor safe = at::where(direction.abs() < 1e-9, at::full({}, 1e-9, direction.options()), direction);
  const at::Tensor from = centre.unsqueeze(1) - origin;
  const at::Tensor a = (from - half.unsqueeze(1)) / safe, b = (from + half.unsqueeze(1)) / safe;
  const at::Tensor near = at::minimum(a, b).amax(2).clamp_min(0), far = at::maximum(a, b).amin(2);
  return {near, far, far > near};
}

}  // namespace spinfill
