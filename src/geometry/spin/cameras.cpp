// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/cameras.h"

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Geometry>

#include "geometry/angles.h"

namespace spinfill {

namespace {

constexpr double kChance = 0.2;  // variance on top of that of the waves
constexpr double kConstant = 0.1, kOneWave = 0.5;
constexpr double kAzimuthConstant = 0.05, kThreeQuarters = 0.4;

double covariance(double a, double b) {
  return kConstant + kOneWave * std::cos(a - b);
}

double azimuth_covariance(double a, double b) {
  return kAzimuthConstant + kThreeQuarters * std::sin(2 * a) * std::sin(2 * b);
}

// Weights of the seen values in the prediction at `at`.
Eigen::VectorXd weights(double (*kernel)(double, double), const std::vector<double>& seen_deg, double at_deg) {
  const auto n = static_cast<Eigen::Index>(seen_deg.size());
  Eigen::MatrixXd among(n, n);
  Eigen::VectorXd with(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double a = seen_deg[static_cast<std::size_t>(i)] * kDegree;
    with[i] = kernel(a, at_deg * kDegree);
    for (Eigen::Index j = 0; j < n; ++j) among(i, j) = kernel(a, seen_deg[static_cast<std::size_t>(j)] * kDegree);
    among(i, i) += kChance;
  }
  return among.ldlt().solve(with);
}

}  // namespace

ViewCorrection predict_correction(const std::vector<ViewCorrection>& seen, const std::vector<double>& azimuths_deg,
                                  double azimuth_deg) {
  ViewCorrection out;
  if (seen.empty()) return out;
  const Eigen::VectorXd smooth = weights(covariance, azimuths_deg, azimuth_deg),
                        turning = weights(azimuth_covariance, azimuths_deg, azimuth_deg);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double w = smooth[static_cast<Eigen::Index>(i)];
    out.log_scale += w * seen[i].log_scale;
    out.shift_x += w * seen[i].shift_x;
    out.shift_y += w * seen[i].shift_y;
    out.roll += w * seen[i].roll;
    out.elevation += w * seen[i].elevation;
    out.azimuth += turning[static_cast<Eigen::Index>(i)] * seen[i].azimuth;
  }
  return out;
}

Camera departed(const Camera& camera, const ViewCorrection& by) {
  // Up: about the horizontal axis across the direction from which the camera looks.
  const double azimuth = viewing_direction(camera).azimuth_deg * kDegree;
  const Eigen::Vector3d across(std::sin(azimuth), -std::cos(azimuth), 0);
  Camera out = camera;
  const Eigen::Matrix3d turn =
      (Eigen::AngleAxisd(by.azimuth, Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(by.elevation, across))
          .toRotationMatrix();
  out.vehicle_from_camera.topRows<3>() = turn * camera.vehicle_from_camera.topRows<3>();
  return reframed(out, {std::exp(by.log_scale), by.shift_x, by.shift_y, by.roll});
}

SpinSpread studio_spread() {
  return {.012, .015, .4 * kDegree, 4 * kDegree, 2 * kDegree};
}

SpinSpread hand_held_spread() {
  return {.08, .10, 1.5 * kDegree, 4 * kDegree, 2 * kDegree};
}

Camera SpinCameras::camera(double stated_azimuth_deg, const ViewCorrection& view, int width, int height) const {
  const Turntable turntable{(elevation + view.elevation) / kDegree, 1 / closeness, scale / closeness};
  Camera camera = turntable_camera(turntable, stated_azimuth_deg + view.azimuth / kDegree, width, height);
  camera.cx = axis_u * width;
  camera.cy = axis_v * width;
  camera = reframed(camera, {std::exp(view.log_scale), view.shift_x, view.shift_y, view.roll});
  camera.vehicle_from_camera(1, 3) += axis_y;
  return camera;
}

}  // namespace spinfill
