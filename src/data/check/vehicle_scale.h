// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"

namespace spinfill {

// How long the vehicle would be, in the cameras' unit, to look as large as its alpha does: about 1 where the unit is
// its longest side; rough (a vehicle's other sides are taken for a car's). `picture`: RGBA with something covered.
double vehicle_scale(const Camera& camera, const cv::Mat& picture);

}  // namespace spinfill
