// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

// What the azimuth network (model/azimuth) sees of a photograph: a window of this size round the vehicle.
inline constexpr int kAzimuthWidth = 168, kAzimuthHeight = 112;  // px
// The room around the vehicle's box: the window's side over the box's, along whichever is tighter.
inline constexpr double kAzimuthRoom = 1.12;
// What lies outside of the photograph, or of the mask: 8-bit sRGB.
inline const cv::Scalar kAzimuthGround(124, 116, 104);

// How the window departs from the vehicle's box. The default centres it.
struct WindowChange {
  double room = kAzimuthRoom;
  double shift_x = 0, shift_y = 0;  // share of the window's width, height
  double roll_deg = 0;              // of the picture, clockwise
  bool mirror = false;
};

// `rgb`: 8-bit; `box`: of the vehicle, px, not empty. Shrinking averages over the pixels' area.
cv::Mat azimuth_window(const cv::Mat& rgb, const cv::Rect& box, const WindowChange& change = {});

// The photograph with the vehicle alone, on kAzimuthGround. alpha: 8-bit, of its size.
cv::Mat on_azimuth_ground(const cv::Mat& rgb, const cv::Mat& alpha);

}  // namespace spinfill
