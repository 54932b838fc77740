// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

namespace spinfill {

// Pinhole camera. Vehicle frame: ISO 8855 (X forward, Y to the vehicle's left, Z up), origin at the centre of the
// bounding box, unit = the box's longest side. Camera axes are OpenGL's (+X right, +Y up, −Z forward).
// Pixel centres lie at (u+½, v+½).
struct Camera {
  Eigen::Matrix4d vehicle_from_camera = Eigen::Matrix4d::Identity();  // camera-to-world
  double fl_x = 0, fl_y = 0;                                          // focal lengths, px
  double cx = 0, cy = 0;                                              // principal point, px
  int width = 0, height = 0;                                          // px
};

// A camera on the turntable looks at the origin from d·(cos φ cos θ, cos φ sin θ, sin φ).
struct Turntable {
  double elevation_deg = 8;  // φ
  double distance = 3.2;     // d, in vehicle lengths
  double focal = 2.9;        // focal length as a share of the picture's width
};

// Azimuth θ: 0 shows the front, 90 the vehicle's left side. Principal point at the picture's centre.
Camera turntable_camera(const Turntable& turntable, double azimuth_deg, int width, int height);

// The camera for the picture scaled to another size.
Camera resized(const Camera& camera, int width, int height);

// How a picture is framed beside another of the same view: scaled by `scale` and turned counter-clockwise by `roll`
// (radians) about the principal point, which moves by shift_x right and shift_y down (shares of the width).
struct Framing {
  double scale = 1, shift_x = 0, shift_y = 0, roll = 0;
};
Camera reframed(const Camera& camera, const Framing& framing);

// Mirrored across the vehicle's plane Y = 0 (θ → −θ), for the picture flipped left-right.
Camera mirrored(const Camera& camera);

// Where a point (vehicle frame) in front of the camera lies in the picture, px.
Eigen::Vector2d project(const Camera& camera, const Eigen::Vector3d& point);

// The azimuth and elevation (degrees, azimuth in [0, 360)) from which the camera looks at the origin.
struct Direction {
  double azimuth_deg, elevation_deg;
};
Direction viewing_direction(const Camera& camera);

// The angle (radians) by which the vehicle's vertical leans counter-clockwise from the picture's.
double viewing_roll(const Camera& camera);

}  // namespace spinfill
