// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <opencv2/core/mat.hpp>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

// What stands at a point of the parts that are more than one material.
Surface tyre_surface(const VehicleDesign& design, const Point& point);
Surface rim_surface(const WheelDesign& wheel, const Point& point);  // cut between the spokes
Surface cargo_surface(const VehicleDesign& design, const Point& point);
Surface spoke_surface(const VehicleDesign& design, const Point& point);
Surface disc_surface(const WheelDesign& wheel, const Point& point);  // of a brake
// text: coverage of the plate's text. facing: 1 the front plate, −1 the rear one.
Surface plate_surface(const Paint& plate, const cv::Mat& text, float facing, const Point& point);

// The decal at station s of a side, where there is one.
std::optional<Surface> decal_surface(const VehicleDesign& design, const Point& point, float s);

}  // namespace spinfill::synth
