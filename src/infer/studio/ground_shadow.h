// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"

namespace spinfill {

// The soft shadow under a vehicle, as light from everywhere above leaves it: dark where the body is near the ground,
// the softer the higher it is. One shadow for all views: it lies on the ground of the vehicle frame.
class GroundShadow {
 public:
  // Of the visual hull of these views. masks: 8-bit coverage, of the shape of the cameras' pictures in any size. Exit
  // 3: no view, or nothing is left of the hull.
  GroundShadow(const std::vector<cv::Mat>& masks, const std::vector<Camera>& cameras);

  double ground_z() const { return ground_z_; }  // vehicle lengths, below the vehicle's centre
  // How much of the light is missing at each pixel, seen from a camera: float32 of its size, [0,1]; 0 above the
  // horizon.
  cv::Mat darkness(const Camera& camera) const;
  // The row of the place nearest to the camera where the vehicle touches the ground, px.
  double contact_row(const Camera& camera) const;

 private:
  cv::Mat map_;                            // float32, seen from above: rows along X, columns along Y
  std::vector<Eigen::Vector2d> contacts_;  // x and y of places where it touches the ground
  double ground_z_ = 0;
};

}  // namespace spinfill
