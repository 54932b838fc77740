// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "data/walkaround/vehicle_views.h"

namespace spinfill {

// Parts of pictures that are put together of cut-out vehicles and photographed places.

// A vehicle as it stands in the picture.
struct StandingVehicle {
  cv::Mat rgb, alpha;  // 8-bit, premultiplied, of the picture's size
  cv::Rect box;        // of alpha ≥ kSeenAlpha; empty: nothing is seen
  double area() const;
};

// Where the box of a view's vehicle is to stand, px of the picture; it is then turned about its middle.
struct VehicleStand {
  double width = 0, height = 0, centre_x = 0, centre_y = 0;
  double roll_deg = 0;
  bool mirror = false;
};

// Of alpha ≥ kSeenAlpha.
cv::Rect box_of(const VehicleView& view);
StandingVehicle stood(const VehicleView& view, const VehicleStand& stand, cv::Size picture);
// Its own light: a vehicle is seldom lit as the place behind it is.
void relight(StandingVehicle& vehicle, Random& random);
// Its 8-bit straight RGBA.
cv::Mat straight(const StandingVehicle& vehicle);
// As under_spotlights() says (show_hall.h).
void light_by_spots(StandingVehicle& vehicle, Random& random);
// Lets what stands behind show through its windows: through dark parts of its upper half, to a share that is drawn. Its
// coverage is then no longer the vehicle's.
void open_windows(StandingVehicle& vehicle, Random& random);
// Over the picture, 8-bit RGB: vehicle + (1 − alpha)·picture.
void put(const StandingVehicle& vehicle, cv::Mat& rgb);
// What a vehicle does to the ground: the dark below it, a shadow that falls to one side, its mirror image. Each is
// drawn or not.
void mark_ground(cv::Mat& rgb, const StandingVehicle& vehicle, Random& random);

}  // namespace spinfill
