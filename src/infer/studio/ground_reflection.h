// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/photo/photo_windows.h"
#include "geometry/camera.h"

namespace spinfill {

// What a polished floor shows of the vehicle: its visual hull with the views' colours on it, seen along rays that the
// ground throws back, which are those of the camera mirrored in the ground. Flanks that views see from a little above
// are seen from a little below; of the underside, which no view shows, a floor shows darkness.
class GroundReflection {
 public:
  // The views' pictures have width × height px, which their cameras are for; the ground is z = ground_z. Exit 3: their
  // masks have nothing in common.
  GroundReflection(const std::vector<PhotoView>& views, int width, int height, double ground_z);
  ~GroundReflection();
  GroundReflection(const GroundReflection&) = delete;
  GroundReflection& operator=(const GroundReflection&) = delete;

  // CV_32FC4 premultiplied sRGB of the camera's size, of a floor that throws back `strength` of the light that falls
  // straight onto it, more of what grazes it (Schlick, "An inexpensive BRDF model for physically-based rendering",
  // 1994, eq. 24). It is the softer and fainter the higher above the ground a place lies, as a floor that is not
  // perfectly even shows it. Nothing for a camera below the ground.
  cv::Mat seen_from(const Camera& camera, double strength) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill
