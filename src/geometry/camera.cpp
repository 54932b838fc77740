// SPDX-License-Identifier: Apache-2.0
#include "geometry/camera.h"

#include <cmath>

#include <Eigen/Geometry>
#include <Eigen/LU>

#include "core/error.h"
#include "geometry/angles.h"

namespace spinfill {

namespace {
void check_size(int width, int height) {
  if (width <= 0 || height <= 0) fail("camera: a picture of {}x{} px has no pixels", width, height);
}
}  // namespace

Camera turntable_camera(const Turntable& turntable, double azimuth_deg, int width, int height) {
  check_size(width, height);
  const double theta = azimuth_deg * kDegree, phi = turntable.elevation_deg * kDegree;
  // Camera axes in the vehicle frame: +Z points backward, from the origin to the camera.
  const Eigen::Vector3d backward(std::cos(phi) * std::cos(theta), std::cos(phi) * std::sin(theta), std::sin(phi));
  const Eigen::Vector3d right(-std::sin(theta), std::cos(theta), 0);
  Camera camera;
  camera.vehicle_from_camera.block<3, 1>(0, 0) = right;
  camera.vehicle_from_camera.block<3, 1>(0, 1) = backward.cross(right);
  camera.vehicle_from_camera.block<3, 1>(0, 2) = backward;
  camera.vehicle_from_camera.block<3, 1>(0, 3) = turntable.distance * backward;
  camera.fl_x = camera.fl_y = turntable.focal * width;
  camera.cx = width / 2.0;
  camera.cy = height / 2.0;
  camera.width = width;
  camera.height = height;
  return camera;
}

Camera resized(const Camera& camera, int width, int height) {
  check_size(width, height);
  check_size(camera.width, camera.height);
  // Pixel centres lie at (u+½, v+½), so picture coordinates run over [0, width] and scale without an offset.
  const double sx = static_cast<double>(width) / camera.width, sy = static_cast<double>(height) / camera.height;
  Camera out = camera;
  out.fl_x *= sx;
  out.cx *= sx;
  out.fl_y *= sy;
  out.cy *= sy;
  out.width = width;
  out.height = height;
  return out;
}

Camera reframed(const Camera& camera, const Framing& framing) {
  Camera out = camera;
  const Eigen::Vector4d right = camera.vehicle_from_camera.col(0), up = camera.vehicle_from_camera.col(1);
  const double c = std::cos(framing.roll), s = std::sin(framing.roll);
  out.vehicle_from_camera.col(0) = c * right - s * up;
  out.vehicle_from_camera.col(1) = s * right + c * up;
  out.fl_x *= framing.scale;
  out.fl_y *= framing.scale;
  out.cx += framing.shift_x * camera.width;
  out.cy += framing.shift_y * camera.width;
  return out;
}

Camera mirrored(const Camera& camera) {
  // Reflecting the vehicle frame in Y and the camera frame in X keeps the axes right-handed.
  const Eigen::Matrix4d mirror_y = Eigen::Vector4d(1, -1, 1, 1).asDiagonal();
  const Eigen::Matrix4d mirror_x = Eigen::Vector4d(-1, 1, 1, 1).asDiagonal();
  Camera out = camera;
  out.vehicle_from_camera = mirror_y * camera.vehicle_from_camera * mirror_x;
  out.cx = camera.width - camera.cx;
  return out;
}

Eigen::Vector2d project(const Camera& camera, const Eigen::Vector3d& point) {
  const Eigen::Vector3d p = (camera.vehicle_from_camera.inverse() * point.homogeneous()).head<3>();
  return {camera.cx + camera.fl_x * p.x() / -p.z(), camera.cy - camera.fl_y * p.y() / -p.z()};
}

Direction viewing_direction(const Camera& camera) {
  const Eigen::Vector3d position = camera.vehicle_from_camera.block<3, 1>(0, 3);
  return {wrapped_deg(std::atan2(position.y(), position.x()) / kDegree),
          std::atan2(position.z(), position.head<2>().norm()) / kDegree};
}

double viewing_roll(const Camera& camera) {
  return std::atan2(-camera.vehicle_from_camera(2, 0), camera.vehicle_from_camera(2, 1));
}

}  // namespace spinfill
