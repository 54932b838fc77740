// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/cameras.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Geometry>

#include "geometry/angles.h"

namespace spinfill {

namespace {

constexpr double kChance = 0.2;  // variance on top of that of the waves
constexpr double kConstant = 0.1, kOneWave = 0.5;
constexpr double kAzimuthConstant = 0.05, kThreeQuarters = 0.4;
// Chosen by leaving out each of 48 photographs of six cars.
constexpr double kQuarters = 1, kSides = 1, kNear = 0.1;
constexpr double kNothing = 1e-12;  // of the squares of departures

using Kernel = std::function<double(double a, double b)>;  // of two azimuths, radians

double covariance(double a, double b) {
  return kConstant + kOneWave * std::cos(a - b);
}

double azimuth_covariance(double a, double b) {
  return kAzimuthConstant + kThreeQuarters * std::sin(2 * a) * std::sin(2 * b);
}

// The two sides of a vehicle are alike, and so is how pictures that are framed by its outline depart: `parity` 1,
// equally on both sides; −1, oppositely.
Kernel symmetric_covariance(int parity) {
  return [parity](double a, double b) {
    const auto near = [](double apart) { return std::exp((std::cos(apart) - 1) / kNear); };
    const double quarters = parity > 0 ? std::cos(2 * a) * std::cos(2 * b) : std::sin(2 * a) * std::sin(2 * b);
    return covariance(a, b) + kQuarters * quarters + kSides * (near(a - b) + parity * near(a + b)) / 2;
  };
}

struct Prediction {
  double value = 0;
  double evidence = 0;  // logarithm, the values' common scale integrated out
};
// The value at `at` from those seen.
Prediction predict(const Kernel& kernel, const std::vector<double>& seen_deg, const Eigen::VectorXd& seen,
                   double at_deg) {
  const auto n = static_cast<Eigen::Index>(seen_deg.size());
  Eigen::MatrixXd among(n, n);
  Eigen::VectorXd with(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double a = seen_deg[static_cast<std::size_t>(i)] * kDegree;
    with[i] = kernel(a, at_deg * kDegree);
    for (Eigen::Index j = 0; j < n; ++j) among(i, j) = kernel(a, seen_deg[static_cast<std::size_t>(j)] * kDegree);
    among(i, i) += kChance;
  }
  const Eigen::LDLT<Eigen::MatrixXd> factors = among.ldlt();
  const Eigen::VectorXd solved = factors.solve(seen);
  const double fit = std::max(seen.dot(solved), kNothing);
  return {with.dot(solved),
          -0.5 * static_cast<double>(n) * std::log(fit) - 0.5 * factors.vectorD().array().log().sum()};
}

// Of both models by what the seen values say for each.
double predict(int parity, const std::vector<double>& seen_deg, const Eigen::VectorXd& seen, double at_deg) {
  const Prediction wave = predict(covariance, seen_deg, seen, at_deg),
                   symmetric = predict(symmetric_covariance(parity), seen_deg, seen, at_deg);
  const double share = 1 / (1 + std::exp(wave.evidence - symmetric.evidence));
  return share * symmetric.value + (1 - share) * wave.value;
}

}  // namespace

ViewCorrection predict_correction(const std::vector<ViewCorrection>& seen, const std::vector<double>& azimuths_deg,
                                  double azimuth_deg) {
  ViewCorrection out;
  if (seen.empty()) return out;
  const auto values = [&](double ViewCorrection::*part) {
    Eigen::VectorXd all(static_cast<Eigen::Index>(seen.size()));
    for (std::size_t i = 0; i < seen.size(); ++i) all[static_cast<Eigen::Index>(i)] = seen[i].*part;
    return all;
  };
  for (double ViewCorrection::*even :
       {&ViewCorrection::log_scale, &ViewCorrection::shift_y, &ViewCorrection::elevation})
    out.*even = predict(1, azimuths_deg, values(even), azimuth_deg);
  for (double ViewCorrection::*odd : {&ViewCorrection::shift_x, &ViewCorrection::roll})
    out.*odd = predict(-1, azimuths_deg, values(odd), azimuth_deg);
  out.azimuth = predict(azimuth_covariance, azimuths_deg, values(&ViewCorrection::azimuth), azimuth_deg).value;
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
