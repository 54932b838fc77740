// SPDX-License-Identifier: Apache-2.0
#include "data/check/vehicle_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/statistics.h"
#include "data/pictures/visible_box.h"

namespace spinfill {

double vehicle_scale(const Camera& camera, const cv::Mat& picture) {
  const VisibleBox box = visible_box(picture);
  const Eigen::Vector3d half(0.5, 0.2, 0.16);  // a car's, in its lengths
  // The box's extent along the picture's axes, seen from far away.
  const Eigen::Matrix3d rotation = camera.vehicle_from_camera.topLeftCorner<3, 3>();
  const double across = 2 * rotation.col(0).cwiseAbs().dot(half), up = 2 * rotation.col(1).cwiseAbs().dot(half);
  const double distance = camera.vehicle_from_camera.topRightCorner<3, 1>().norm();
  const double expected = std::hypot(across * camera.fl_x, up * camera.fl_y) / distance;
  return std::hypot((box.right - box.left) * picture.cols, (box.bottom - box.top) * picture.rows) / expected;
}

std::string wrong_scale(std::vector<double> scales) {
  constexpr double kMost = 2.5;
  if (scales.empty()) return "";
  const double scale = median(std::move(scales));
  if (scale < kMost && scale > 1 / kMost) return "";
  return fmt::format("by its cameras the vehicle would be about {:.2g} units long, and it has to be 1", scale);
}

}  // namespace spinfill
