// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"

namespace spinfill {

// What stands behind a vehicle in a studio.
class StudioBackground {
 public:
  // As StudioOptions::background names it. Exit 2: neither a name, nor a colour, nor a file; exit 3: no picture.
  StudioBackground(const std::string& name, int width, int height);
  bool transparent() const { return transparent_; }
  // float32 RGB in [0,1] of the camera's size. The sweep's bend lies on the camera's horizon.
  cv::Mat picture(const Camera& camera) const;

 private:
  bool transparent_ = false, sweep_ = false;
  cv::Scalar colour_;
  cv::Mat file_;  // float32, of its size
};

}  // namespace spinfill
