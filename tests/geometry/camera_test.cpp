// SPDX-License-Identifier: Apache-2.0
#include "geometry/camera.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <Eigen/LU>

#include "geometry/camera_tensors.h"
#include "support/support.h"

namespace spinfill {
namespace {

using Eigen::Vector2d;
using Eigen::Vector3d;

void expect_near(const Vector2d& got, const Vector2d& expected, double tolerance = 1e-9) {
  EXPECT_NEAR(got.x(), expected.x(), tolerance);
  EXPECT_NEAR(got.y(), expected.y(), tolerance);
}

TEST(Camera, SeesTheFrontAtZeroAndTheLeftSideAtNinety) {
  const Turntable level{0, 2, 1.5};
  // By hand, 100×60 px, focal 150 px, camera at (2,0,0): the vehicle's left (+Y) lies on the picture's right.
  const Camera front = turntable_camera(level, 0, 100, 60);
  expect_near(project(front, {0, 0, 0}), {50, 30});
  expect_near(project(front, {0, 0.2, 0}), {50 + 150 * 0.2 / 2, 30});
  expect_near(project(front, {0, 0, 0.1}), {50, 30 - 150 * 0.1 / 2});
  expect_near(project(front, {0.5, 0.2, 0}), {50 + 150 * 0.2 / 1.5, 30});
  // At 90° the camera stands at +Y; the front (+X) points to the left of the picture.
  const Camera left = turntable_camera(level, 90, 100, 60);
  EXPECT_NEAR((left.vehicle_from_camera.block<3, 1>(0, 3) - Vector3d(0, 2, 0)).norm(), 0, 1e-12);
  expect_near(project(left, {0.5, 0, 0}), {50 - 150 * 0.5 / 2, 30});
  expect_near(project(left, {0.5, 0.2, 0}), {50 - 150 * 0.5 / 1.8, 30});
}

TEST(Camera, AxesAreARotationAndLookAtTheOrigin) {
  for (double azimuth : {0.0, 33.0, 135.0, 250.0}) {
    const Camera camera = turntable_camera({12, 3, 2}, azimuth, 96, 64);
    const Eigen::Matrix3d r = camera.vehicle_from_camera.topLeftCorner<3, 3>();
    EXPECT_NEAR((r * r.transpose() - Eigen::Matrix3d::Identity()).norm(), 0, 1e-12);
    EXPECT_NEAR(r.determinant(), 1, 1e-12);
    expect_near(project(camera, Vector3d::Zero()), {48, 32});
    const Direction direction = viewing_direction(camera);
    EXPECT_NEAR(direction.azimuth_deg, azimuth, 1e-9);
    EXPECT_NEAR(direction.elevation_deg, 12, 1e-9);
    // A point above the vehicle appears higher up, at a smaller v.
    EXPECT_LT(project(camera, {0, 0, 0.3}).y(), 32);
  }
}

TEST(Camera, MirroredMapsMirroredPointsToFlippedPixels) {
  Camera camera = turntable_camera({10, 3.1, 2.7}, 50, 96, 64);
  camera.cx = 40.25;  // off the centre, as real cameras are
  camera.vehicle_from_camera(1, 3) += 0.05;
  const Camera mirror = mirrored(camera);
  EXPECT_NEAR((mirror.vehicle_from_camera.topLeftCorner<3, 3>().determinant()), 1, 1e-12);
  for (const Vector3d& p : {Vector3d(0.4, 0.1, -0.1), Vector3d(-0.3, -0.15, 0.2)}) {
    const Vector2d here = project(camera, p), there = project(mirror, {p.x(), -p.y(), p.z()});
    expect_near(there, {96 - here.x(), here.y()});
  }
  const Camera turntable = mirrored(turntable_camera({10, 3, 2}, 45, 96, 64));
  const Camera expected = turntable_camera({10, 3, 2}, -45, 96, 64);
  EXPECT_NEAR((turntable.vehicle_from_camera - expected.vehicle_from_camera).norm(), 0, 1e-12);
  EXPECT_NEAR(viewing_direction(turntable).azimuth_deg, 315, 1e-9);
}

TEST(Camera, ResizedKeepsThePixelCentreConvention) {
  const Camera camera = turntable_camera({8, 3.2, 2.9}, 70, 96, 64);
  const Camera half = resized(camera, 48, 32);
  const Vector3d p(0.3, -0.2, 0.1);
  expect_near(project(half, p), project(camera, p) / 2);
  EXPECT_EQ(half.width, 48);
  // The centre of pixel 0 of the half picture is the common corner of pixels 0 and 1: u = 1, not 0.5 or 1.5.
  const Camera wide = resized(camera, 192, 64);
  expect_near(project(wide, p), {project(camera, p).x() * 2, project(camera, p).y()});
  expect_near(project(resized(half, 96, 64), p), project(camera, p));
}

TEST(Camera, RefusesEmptyPictures) {
  test::expect_error(ExitCode::runtime, {"0x64"}, [] { turntable_camera({}, 0, 0, 64); });
  test::expect_error(ExitCode::runtime, {"96x-1"}, [] { resized(turntable_camera({}, 0, 96, 64), 96, -1); });
}

TEST(Camera, RollIsHowFarTheVerticalLeans) {
  const Camera camera = turntable_camera({10, 3, 2}, 70, 96, 64);
  EXPECT_NEAR(viewing_roll(camera), 0, 1e-12);
  EXPECT_NEAR(viewing_roll(reframed(camera, {1.2, 0.03, -0.02, 0.1})), 0.1, 1e-12);
  EXPECT_NEAR(viewing_roll(mirrored(reframed(camera, {1, 0, 0, 0.1}))), -0.1, 1e-12);
}

TEST(CameraTensors, HoldWhatWasPutInThem) {
  CameraTensors tensors(2, 8);
  const Camera camera = reframed(turntable_camera({10, 3, 2}, 70, 96, 64), {1.2, 0.03, -0.02, 0.1});
  tensors.put(1, 5, camera);
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 4; ++c)
      EXPECT_EQ(tensors.vehicle_from_camera[1][5][r][c].item<double>(), camera.vehicle_from_camera(r, c));
  const double lens[] = {camera.fl_x, camera.fl_y, camera.cx, camera.cy};
  for (int c = 0; c < 4; ++c) EXPECT_EQ(tensors.intrinsics[1][5][c].item<double>(), lens[c]);
}

TEST(Camera, AzimuthIsInRange) {
  const double azimuth = viewing_direction(turntable_camera({}, -1e-15, 96, 64)).azimuth_deg;
  EXPECT_GE(azimuth, 0);
  EXPECT_LT(azimuth, 360);
}

}  // namespace
}  // namespace spinfill
