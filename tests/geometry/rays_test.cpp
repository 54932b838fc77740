// SPDX-License-Identifier: Apache-2.0
#include "geometry/rays.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "geometry/scene.h"

namespace spinfill {
namespace {

// 100×60 px seen from (2,0,0): at θ = 0 the camera's right is +Y and its up is +Z.
test::Scene level() {
  return test::trace({}, {0}, 100, 60, 0.5, {0, 2, 1.5});
}

TEST(Rays, PassThroughCellCentres) {
  const test::Scene scene = level();
  const at::Tensor rays = pluecker_rays(scene.vehicle_from_camera, scene.intrinsics, 60, 100, 6, 10);
  ASSERT_EQ(rays.sizes(), (at::IntArrayRef{1, 6, 6, 10}));
  // Cell (row 1, column 7) has its centre at u = 75, v = 15: by hand d ∝ (−1, 25/150, 15/150), o = (2,0,0).
  const double norm = std::sqrt(1 + 1 / 36.0 + 1 / 100.0);
  const double d[3] = {-1 / norm, 1 / 6.0 / norm, 0.1 / norm};
  const double expected[6] = {d[0], d[1], d[2], 0, -2 * d[2], 2 * d[1]};
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(rays[0][i][1][7].item<double>(), expected[i], 1e-6) << i;
}

TEST(Rays, TransformWithTheFrame) {
  const test::Scene scene = test::trace({}, {33, 215}, 48, 32);
  const at::Tensor turn = test::trace({}, {70}, 8, 8).vehicle_from_camera[0];  // some rigid change of frame
  const at::Tensor before = pluecker_rays(scene.vehicle_from_camera, scene.intrinsics, 32, 48, 32, 48);
  const at::Tensor after = pluecker_rays(at::matmul(turn, scene.vehicle_from_camera), scene.intrinsics, 32, 48, 32, 48);
  const at::Tensor R = turn.narrow(0, 0, 3).narrow(1, 0, 3).to(at::kFloat),
                   t = turn.narrow(0, 0, 3).select(1, 3).to(at::kFloat);
  const at::Tensor d = at::einsum("ij,vjhw->vihw", {R, before.narrow(1, 0, 3)});
  const at::Tensor m = at::einsum("ij,vjhw->vihw", {R, before.narrow(1, 3, 3)}) +
                       at::linalg_cross(t.view({1, 3, 1, 1}).expand_as(d), d, 1);
  EXPECT_TRUE(at::allclose(after, at::cat({d, m}, 1), 1e-5, 1e-5));
  // Expressing cameras and vehicle in another world changes nothing: vehicle_from_world · world_from_camera.
  const at::Tensor again = at::matmul(at::linalg_inv(turn), at::matmul(turn, scene.vehicle_from_camera));
  EXPECT_TRUE(at::allclose(pluecker_rays(again, scene.intrinsics, 32, 48, 32, 48), before, 1e-5, 1e-6));
}

TEST(Rays, ProjectionInvertsThem) {
  const test::Scene scene = test::trace({}, {33, 215}, 48, 32);
  const at::Tensor d = ray_directions(scene.vehicle_from_camera, scene.intrinsics, 32, 48, 32, 48);
  const at::Tensor o = scene.vehicle_from_camera.narrow(1, 0, 3).select(1 + 1, 3).to(at::kFloat);
  const at::Tensor points = (o.view({2, 3, 1, 1}) + 2.5 * d).permute({0, 2, 3, 1}).reshape({2, 32 * 48, 3});
  const at::Tensor P = projection_matrices(scene.vehicle_from_camera, scene.intrinsics, 32, 48).unsqueeze(1);
  const Projected projected = project_points(P, points);
  const at::Tensor u = (projected.grid.select(3, 0) + 1) * 24, v = (projected.grid.select(3, 1) + 1) * 16;
  EXPECT_NEAR(u[0][0][48 * 5 + 7].item<double>(), 7.5, 1e-3);
  EXPECT_NEAR(v[1][0][48 * 5 + 7].item<double>(), 5.5, 1e-3);
}

}  // namespace
}  // namespace spinfill
