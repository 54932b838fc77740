// SPDX-License-Identifier: Apache-2.0
// What the photo look draws on the front and rear faces. Lengths in metres.
#pragma once

#include <optional>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

// Inside a lamp of that size; across from its inner end, up from its lower edge.
struct LampPlace {
  float across, up, width, height;
};
Surface photo_front_lamp(const VehicleDesign& design, const LampPlace& at);
Surface photo_tail_lamp(const VehicleDesign& design, const LampPlace& at);
// Within the grille's frame.
Surface photo_grille(const VehicleDesign& design, float y, float z);
// Badges, side vents, skid plate, the number plate's recess, wiper; y to the vehicle's left, z above the ground.
std::optional<Surface> photo_face_detail(const VehicleDesign& design, bool front, float y, float z);

}  // namespace spinfill::synth
