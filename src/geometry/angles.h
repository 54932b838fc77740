// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

namespace spinfill {

inline constexpr double kDegree = std::numbers::pi / 180;  // radians

// The same direction in [0, 360).
inline double wrapped_deg(double angle_deg) {
  double turned = std::fmod(angle_deg, 360.0);
  if (turned < 0) turned += 360.0;
  return turned < 360.0 ? turned : 0;  // −1e-17 + 360 rounds to 360
}

// By how much a lies counter-clockwise of b, in [−180, 180].
inline double turn_deg(double a_deg, double b_deg) {
  return std::remainder(a_deg - b_deg, 360.0);
}

// The angle between two directions, in [0, 180].
inline double apart_deg(double a_deg, double b_deg) {
  return std::abs(turn_deg(a_deg, b_deg));
}

}  // namespace spinfill
