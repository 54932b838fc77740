// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "geometry/camera.h"
#include "geometry/rays.h"

namespace spinfill::test {

// Ellipsoids seen by turntable cameras, traced exactly and anti-aliased by 4×4 rays a pixel.
struct Ellipsoid {
  std::vector<double> centre, half;
  std::vector<double> tint;  // empty: coloured by the surface point
  bool symmetric = false;    // … alike on both sides of Y = 0, as vehicles nearly are
};

struct Scene {
  at::Tensor colour;               // [V,3,H,W] on the background
  at::Tensor alpha;                // [V,1,H,W]
  at::Tensor vehicle_from_camera;  // [V,4,4]
  at::Tensor intrinsics;           // [V,4]
};

inline Scene trace(const std::vector<Ellipsoid>& bodies, const std::vector<double>& azimuths, int width, int height,
                   double background = 0.5, const Turntable& turntable = {}) {
  Scene out;
  std::vector<at::Tensor> poses, intrinsics;
  for (const double azimuth : azimuths) {
    const Camera camera = turntable_camera(turntable, azimuth, width, height);
    const Eigen::Matrix<double, 4, 4, Eigen::RowMajor> rows = camera.vehicle_from_camera;
    poses.push_back(at::from_blob(const_cast<double*>(rows.data()), {4, 4}, at::kDouble).clone());
    intrinsics.push_back(at::tensor({camera.fl_x, camera.fl_y, camera.cx, camera.cy}, at::kDouble));
  }
  out.vehicle_from_camera = at::stack(poses);
  out.intrinsics = at::stack(intrinsics);
  const at::Tensor d = ray_directions(out.vehicle_from_camera, out.intrinsics, height, width, 4 * height, 4 * width);
  const at::Tensor o = out.vehicle_from_camera.narrow(1, 0, 3).select(2, 3).to(at::kFloat).view({-1, 3, 1, 1});
  at::Tensor nearest = at::full_like(d.narrow(1, 0, 1), 1e6), colour = at::zeros_like(d);
  for (const Ellipsoid& body : bodies) {
    const at::Tensor half = at::tensor(body.half).to(at::kFloat).view({1, 3, 1, 1});
    const at::Tensor centre = at::tensor(body.centre).to(at::kFloat).view({1, 3, 1, 1});
    const at::Tensor u = d / half, p = (o - centre) / half;
    const at::Tensor a = u.square().sum(1, true), b = (u * p).sum(1, true), c = p.square().sum(1, true) - 1;
    const at::Tensor root = b.square() - a * c;
    const at::Tensor t = (-b - root.clamp_min(0).sqrt()) / a;
    const at::Tensor hit = (root > 0).logical_and(t < nearest);
    at::Tensor point = o + t * d;
    if (body.symmetric) point = at::cat({point.narrow(1, 0, 1), point.narrow(1, 1, 1).abs(), point.narrow(1, 2, 1)}, 1);
    const at::Tensor shade = body.tint.empty() ? (0.5 + 0.8 * point).clamp(0, 1)
                                               : at::tensor(body.tint).to(at::kFloat).view({1, 3, 1, 1}).expand_as(d);
    colour = at::where(hit, shade, colour);
    nearest = at::where(hit, t, nearest);
  }
  const at::Tensor covered = (nearest < 1e5).to(at::kFloat);
  out.alpha = at::avg_pool2d(covered, {4, 4});
  out.colour = at::avg_pool2d(colour * covered, {4, 4}) + (1 - out.alpha) * background;
  return out;
}

// Coverage of a disc, edges at exact sub-pixel places.
inline at::Tensor disc(std::int64_t height, std::int64_t width, double cx, double cy, double radius) {
  at::Tensor alpha = at::empty({height, width});
  auto a = alpha.accessor<float, 2>();
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const double d = radius - std::hypot(static_cast<double>(x) + 0.5 - cx, static_cast<double>(y) + 0.5 - cy);
      a[y][x] = static_cast<float>(std::clamp(d + 0.5, 0.0, 1.0));
    }
  return alpha;
}

}  // namespace spinfill::test
