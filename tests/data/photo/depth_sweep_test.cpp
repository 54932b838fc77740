// SPDX-License-Identifier: Apache-2.0
#include "data/photo/depth_sweep.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "geometry/camera_tensors.h"
#include "geometry/rays.h"

namespace spinfill {
namespace {

constexpr int kWidth = 160, kHeight = 104;
constexpr double kWall = 0.1;  // x of a textured wall that faces the front

// Blotches on the wall; smooth over some pixels. [N]
at::Tensor texture(const at::Tensor& point) {
  const at::Tensor y = point.select(1, 1), z = point.select(1, 2);
  at::Tensor sum = at::zeros_like(y);
  for (int k = 1; k <= 9; ++k)
    sum = sum + at::sin((23 + 9 * k) * y * std::cos(1.7 * k) + (31 + 7 * k) * z * std::sin(1.7 * k) + k * k);
  return (0.5 + 0.15 * sum).clamp(0, 1);
}

// Rays of a camera that meet the plane at x, within a wall of 0.8 by 0.5.
struct Seen {
  at::Tensor direction, depth, point, hit;  // [N,3], [N], [N,3], [N]
};
Seen plane_seen(const CameraTensors& camera, double x) {
  Seen out;
  out.direction = ray_directions(camera.vehicle_from_camera, camera.intrinsics, kHeight, kWidth, kHeight, kWidth)
                      .reshape({3, -1})
                      .t()
                      .contiguous();
  const at::Tensor eye = camera.vehicle_from_camera[0][0].narrow(0, 0, 3).select(1, 3).to(at::kFloat);
  out.depth = (x - eye[0]) / out.direction.select(1, 0);
  out.point = eye + out.depth.unsqueeze(1) * out.direction;
  out.hit = ((out.point.select(1, 1).abs() < 0.4) & (out.point.select(1, 2).abs() < 0.25)).to(at::kFloat);
  return out;
}

CameraTensors at_azimuth(double azimuth_deg) {
  CameraTensors out(1, 1);
  out.put(0, 0, turntable_camera({}, azimuth_deg, kWidth, kHeight));
  return out;
}

class DepthSweep : public ::testing::Test {
 protected:
  // Two photographs of the wall at ±35 degrees, carried onto a plane at `x`.
  at::Tensor correction(double x, bool textured = true) {
    std::vector<at::Tensor> premultiplied, maps, poses, intrinsics;
    for (const double azimuth : {35.0, 325.0}) {
      const CameraTensors camera = at_azimuth(azimuth);
      const Seen wall = plane_seen(camera, kWall), hull = plane_seen(camera, x);
      const at::Tensor grey = (textured ? texture(wall.point) : at::full_like(wall.hit, 0.5)) * wall.hit;
      const at::Tensor rgba = at::stack({grey, grey, grey, wall.hit}, 1);
      premultiplied.push_back(rgba);
      maps.push_back(at::cat({rgba, at::stack({hull.depth * hull.hit, hull.hit}, 1)}, 1));
      poses.push_back(camera.vehicle_from_camera[0]);
      intrinsics.push_back(camera.intrinsics[0]);
    }
    const auto pictures = [](const std::vector<at::Tensor>& all) {
      return at::stack(all).reshape({1, 2, kHeight, kWidth, -1}).permute({0, 1, 4, 2, 3});
    };
    References references;
    references.index = at::tensor({1, 7}, at::kLong).unsqueeze(0);
    references.valid = at::ones({1, 2}, at::kBool);
    references.premultiplied = pictures(premultiplied);
    references.vehicle_from_camera = at::cat(poses).unsqueeze(0);
    references.intrinsics = at::cat(intrinsics).unsqueeze(0);

    const Seen own = plane_seen(at_azimuth(0), x);
    Surface surface;
    surface.pixels = select((own.hit > 0).unsqueeze(0));
    surface.coverage = surface.pixels.take(own.hit.unsqueeze(0));
    surface.depth = surface.pixels.take(own.depth.unsqueeze(0));
    surface.point = surface.pixels.take(own.point.unsqueeze(0));
    surface.direction = surface.pixels.take(own.direction.unsqueeze(0));
    surface.normal = at::zeros_like(surface.point);
    surface.normal.select(2, 0).fill_(1);
    return swept_correction(surface, references, pictures(maps), {}, {kWidth, kHeight});
  }
  static at::Tensor middle(const at::Tensor& map) { return map.narrow(0, 40, 24).narrow(1, 55, 50); }
};

TEST_F(DepthSweep, FindsWhereThePhotographsAgree) {
  for (const double apart : {0.02, -0.02}) {  // in front of the wall and behind it
    const at::Tensor found = middle(correction(kWall + apart)) / apart;
    EXPECT_GT(found.min().item<double>(), 0.25) << apart;
    EXPECT_LT(found.max().item<double>(), 1.1) << apart;
    EXPECT_GT(found.mean().item<double>(), 0.45) << apart;  // a part of it: it fades in with what it gains
  }
}

TEST_F(DepthSweep, StaysWhereItIsRightOrNothingTells) {
  EXPECT_LT(correction(kWall).abs().max().item<double>(), 0.002);
  EXPECT_LT(middle(correction(kWall + 0.02, /*textured=*/false)).abs().max().item<double>(), 0.002);
}

TEST(SweepScale, IsThatOfASmallView) {
  EXPECT_EQ(sweep_scale({200, 100}), 1);
  EXPECT_EQ(sweep_scale({640, 300}), 0.5);
}

}  // namespace
}  // namespace spinfill
