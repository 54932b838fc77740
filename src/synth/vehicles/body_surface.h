// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

// What stands at a point of the lofted body (body.h): glass, lamps, lines, decals and paint as functions of the
// position, so that they are sharp at any picture size.
Surface body_surface(const VehicleDesign& design, const Point& point);

}  // namespace spinfill::synth
