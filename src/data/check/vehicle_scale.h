// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "geometry/camera.h"

namespace spinfill {

// How long the vehicle would be, in the cameras' unit, to look as large as its alpha does: about 1 where the unit is
// its longest side; rough (a vehicle's other sides are taken for a car's). `picture`: RGBA with something covered.
double vehicle_scale(const Camera& camera, const cv::Mat& picture);

// What is wrong where by a set's scales the cameras' unit cannot be the vehicle's length (2.5 times off or more in the
// median): "by its cameras the vehicle would be about 4.5 units long, and it has to be 1". Else empty.
std::string wrong_scale(std::vector<double> scales);

}  // namespace spinfill
