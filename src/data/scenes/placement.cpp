// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/placement.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Eigenvalues>
#include <Eigen/Geometry>
#include <Eigen/LU>

#include "core/error.h"
#include "core/statistics.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kLevelRoll = 10 * kDegree;  // mean, from which on cameras were not held level
constexpr double kFewDirections = 0.02;      // second eigenvalue below which all look the same way (8°)
constexpr double kFlat = 0.35;               // of a plane of cameras: deviation across over that along

Eigen::Vector3d asked_up(SceneUp up) {
  switch (up) {
    case SceneUp::x: return Eigen::Vector3d::UnitX();
    case SceneUp::minus_x: return -Eigen::Vector3d::UnitX();
    case SceneUp::y: return Eigen::Vector3d::UnitY();
    case SceneUp::minus_y: return -Eigen::Vector3d::UnitY();
    case SceneUp::minus_z: return -Eigen::Vector3d::UnitZ();
    default: return Eigen::Vector3d::UnitZ();
  }
}

Eigen::Vector3d axis(const SceneView& view, int column) {
  return view.world_from_camera.block<3, 1>(0, column);
}

// The direction most nearly at right angles to all of these: least squares. `second`: what the next one would leave.
Eigen::Vector3d across_all(const std::vector<Eigen::Vector3d>& axes, double& left, double& second) {
  Eigen::Matrix3d sum = Eigen::Matrix3d::Zero();
  for (const Eigen::Vector3d& one : axes) sum += one * one.transpose() / static_cast<double>(axes.size());
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solved(sum);
  left = std::max(0.0, solved.eigenvalues()[0]);
  second = solved.eigenvalues()[1];
  return solved.eigenvectors().col(0);
}

// The normal of the plane of the cameras, from which they look down.
Eigen::Vector3d up_of_plane(const std::vector<SceneView>& views) {
  Eigen::Vector3d middle = Eigen::Vector3d::Zero(), forward = Eigen::Vector3d::Zero();
  for (const SceneView& view : views) middle += view.centre() / static_cast<double>(views.size());
  Eigen::Matrix3d spread = Eigen::Matrix3d::Zero();
  for (const SceneView& view : views) {
    spread += (view.centre() - middle) * (view.centre() - middle).transpose();
    forward -= axis(view, 2) / static_cast<double>(views.size());
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solved(spread);
  const Eigen::Vector3d normal = solved.eigenvectors().col(0);
  const double flat = std::sqrt(std::max(0.0, solved.eigenvalues()[0]) / std::max(1e-30, solved.eigenvalues()[1]));
  const double down = forward.dot(normal);
  if (!(flat < kFlat) || std::abs(down) < 0.05)
    fail("the cameras do not tell which way is up: give --up (x, -x, y, -y, z or -z of their world)");
  return down < 0 ? normal : Eigen::Vector3d(-normal);
}

}  // namespace

Eigen::Matrix4d Placement::place(const Eigen::Matrix4d& world_from_camera) const {
  Eigen::Matrix4d out = Eigen::Matrix4d::Identity();
  out.topLeftCorner<3, 3>() = rotation * world_from_camera.topLeftCorner<3, 3>();
  out.topRightCorner<3, 1>() = rotation * (world_from_camera.topRightCorner<3, 1>() - centre) / length;
  return out;
}

Camera Placement::place(const Camera& camera) const {
  Camera out = camera;
  out.vehicle_from_camera = place(camera.vehicle_from_camera);
  return out;
}

Placement Placement::turned(double azimuth_deg) const {
  Placement out = *this;
  out.rotation = Eigen::AngleAxisd(-azimuth_deg * kDegree, Eigen::Vector3d::UnitZ()).toRotationMatrix() * rotation;
  return out;
}

Placement Placement::boxed(const Eigen::Vector3d& low, const Eigen::Vector3d& high) const {
  Placement out = *this;
  out.centre = centre + length * (rotation.transpose() * ((low + high) / 2));
  out.length = length * (high - low).maxCoeff();
  return out;
}

Eigen::Vector3d scene_up(const std::vector<SceneView>& views, SceneUp asked) {
  if (asked != SceneUp::automatic) return asked_up(asked);
  const auto along = [](const Eigen::Vector3d& vertical, const Eigen::Vector3d& roughly) -> Eigen::Vector3d {
    return vertical.dot(roughly) < 0 ? Eigen::Vector3d(-vertical) : vertical;
  };
  std::vector<Eigen::Vector3d> sideways;
  Eigen::Vector3d upward = Eigen::Vector3d::Zero();
  for (const SceneView& view : views) {
    sideways.push_back(axis(view, 0));
    upward += axis(view, 1);
  }
  double left = 0, second = 0;
  const Eigen::Vector3d vertical = across_all(sideways, left, second);
  if (second < kFewDirections)
    fail("all cameras look the same way, so they do not tell which way is up: give --up, or more views");
  if (std::sqrt(left) <= std::sin(kLevelRoll)) return along(vertical, upward);
  // Of pictures on their side the other axis is level.
  const Eigen::Vector3d roughly = up_of_plane(views);
  for (std::size_t i = 0; i < views.size(); ++i)
    if (std::abs(axis(views[i], 1).dot(roughly)) < std::abs(axis(views[i], 0).dot(roughly)))
      sideways[i] = axis(views[i], 1);
  const Eigen::Vector3d level = across_all(sideways, left, second);
  return std::sqrt(left) <= std::sin(kLevelRoll) ? along(level, roughly) : roughly;
}

Eigen::Vector3d nearest_to_rays(const std::vector<Eigen::Vector3d>& origins,
                                const std::vector<Eigen::Vector3d>& directions) {
  Eigen::Matrix3d left = Eigen::Matrix3d::Zero();
  Eigen::Vector3d right = Eigen::Vector3d::Zero();
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const Eigen::Matrix3d across = Eigen::Matrix3d::Identity() - directions[i] * directions[i].transpose();
    left += across;
    right += across * origins[i];
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solved(left);
  if (!(solved.eigenvalues()[0] > 1e-4 * solved.eigenvalues()[2]))
    fail("the cameras look past each other or all the same way: they do not stand round one vehicle");
  return left.ldlt().solve(right);
}

Placement place_upright(const std::vector<SceneView>& views, const Eigen::Vector3d& up, std::vector<bool>& strays) {
  strays.assign(views.size(), false);
  Placement out;
  for (int round = 0; round < 3; ++round) {
    std::vector<Eigen::Vector3d> origins, directions;
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (strays[i]) continue;
      origins.push_back(views[i].centre());
      directions.emplace_back(-axis(views[i], 2));
    }
    if (origins.size() < 2) fail("the cameras look past each other: they do not stand round one vehicle");
    out.centre = nearest_to_rays(origins, directions);
    for (std::size_t i = 0; i < views.size(); ++i) {
      const Eigen::Matrix3d turn = views[i].world_from_camera.topLeftCorner<3, 3>();
      const Eigen::Vector3d seen = turn.transpose() * (out.centre - views[i].centre());
      const Camera& lens = views[i].lens;
      const double u = lens.cx - lens.fl_x * seen.x() / seen.z(), v = lens.cy + lens.fl_y * seen.y() / seen.z();
      strays[i] = !(seen.z() < 0 && u >= 0 && v >= 0 && u <= lens.width && v <= lens.height);
    }
  }
  std::vector<double> distances;
  for (std::size_t i = 0; i < views.size(); ++i)
    if (!strays[i]) distances.push_back((views[i].centre() - out.centre).norm());
  out.length = median(distances);
  if (distances.size() < 2 || !(out.length > 1e-12))
    fail("the cameras look past each other: they do not stand round one vehicle");
  const auto first = static_cast<std::size_t>(std::ranges::find(strays, false) - strays.begin());
  Eigen::Vector3d towards = views[first].centre() - out.centre;
  towards -= towards.dot(up) * up;
  if (towards.norm() < 1e-6 * out.length) towards = up.unitOrthogonal();
  out.rotation.row(0) = towards.normalized();
  out.rotation.row(1) = up.cross(towards).normalized();
  out.rotation.row(2) = up;
  return out;
}

}  // namespace spinfill
