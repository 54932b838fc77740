// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/pictures/similarity.h"
#include "geometry/camera.h"

namespace spinfill {

// One turntable for all views of a spin: common scale, ground line and horizon.

// Height of the ground below the vehicle's centre, vehicle lengths, where no mask tells.
inline constexpr double kUsualGround = -0.19;

struct CanonicalSpin {
  Turntable turntable;
  double centre_u = 0, centre_v = 0;  // principal point, px
  int width = 0, height = 0;          // px
  double ground_z = kUsualGround;     // of the wheels' bottom, vehicle lengths
  Camera camera(double azimuth_deg) const;
};

// The turntable that changes photographs least: medians of their elevations, distances and scales at the vehicle's
// centre, and the mean of their ground lines. pictures: 8-bit RGBA of the cameras' size, one per camera. The scale is
// reduced where a vehicle would come closer to the border than 2 % of the picture's side in any view. Fails (exit 3)
// where there is no view, a mask is empty, or a camera does not see the vehicle's centre.
CanonicalSpin canonical_spin(const std::vector<Camera>& cameras, const std::vector<cv::Mat>& masked_pictures);

// Maps the column of the vehicle's centre, the scale there and the vertical of `from`'s picture to those of `to`, and
// the ground line too: the height at which the wheel nearest to the camera stands on the ground at `ground_z`. (Seen
// from higher up that wheel sinks below the vehicle's centre; the line follows it, so that no view bounces.)
Similarity between(const Camera& from, const Camera& to, double ground_z = kUsualGround);

// 8-bit straight RGBA of the size of `from` in, of `to` out; bit for bit the same where nothing moves.
cv::Mat onto_canonical(const cv::Mat& rgba, const Camera& from, const Camera& to, double ground_z = kUsualGround);

// The camera that takes what onto_canonical() makes of a picture of `from`: from the same place, turned, zoomed and
// shifted. Exact where fl_x = fl_y or nothing turns. A view generated with it needs no resampling, and all that belongs
// to it (evidence, normals, ...) lies where its picture does.
Camera carried(const Camera& from, const Camera& to, double ground_z = kUsualGround);

// Where the ground line of a camera's picture lies, px down.
double ground_line(const Camera& camera, double ground_z = kUsualGround);

}  // namespace spinfill
