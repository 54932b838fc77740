// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "synth/shapes/mesh.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

struct WheelMeshes {
  Mesh tyre, rim, inside, brake;
  Mesh caliper, spokes;  // of the photo look
};

// A wheel of the left side, its outer face at y = 0, whose spokes are bars with a disc brake behind them. Attribute of
// the spokes: (across, −1 to 1; radius; 0).
WheelMeshes deep_wheel_meshes(const VehicleDesign& design);

// Whether its rim is a pressed disc with holes, which stays one surface.
inline bool pressed_rim(const WheelDesign& wheel) {
  return wheel.style == 2 || wheel.style == 4;
}

}  // namespace spinfill::synth
