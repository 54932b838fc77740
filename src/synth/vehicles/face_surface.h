// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

// What stands at a point of the body's front or rear face, or around its corner: lamps, window, grille, intake, bumper.
// Nothing where the face leaves the point to the body.
std::optional<Surface> face_surface(const VehicleDesign& design, const Point& point, bool front);

}  // namespace spinfill::synth
