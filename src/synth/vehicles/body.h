// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "synth/shapes/mesh.h"
#include "synth/vehicles/curve.h"

namespace spinfill::synth {

struct WheelArch {
  float s = 0, z = 0;  // centre
  float radius = 0.36f;
  float flare = 0;  // how far the rim stands out
  float flare_width = 0.1f;
};

// A body lofted from cross-sections. s runs from the front (0) to the rear (length); x = front_x − s. Metres.
struct BodyShape {
  float front_x = 0, length = 4.5f;
  Curve top, bottom, belt, half_width;  // of s: heights of roof line, underside and shoulder; half of the width
  float tumblehome = 0.35f;             // inward lean of the side windows, tangent
  float sill_inset = 0.08f, belt_inset = 0.05f, bulge_height = 0.4f;
  float shoulder_radius = 0.06f, roof_radius = 0.14f, sill_radius = 0.06f;
  float crown = 0.05f, screen_crown = 0.09f;  // how much lower the top is at its sides than in the middle
  float crease_height = 0, crease_depth = 0;  // character line of the sides: what is below it steps in
  float cap_radius = 0.05f;                   // rounding of the front and rear faces
  Curve front_rake, rear_rake;                // of z: how far the faces stand back
  float front_bow = 0.1f, rear_bow = 0.08f;   // how much further back the faces are at their sides
  float corner_power = 2;                     // how the bow grows to the sides: 2 round, more: flat with round corners
  int fineness = 1;                           // samples of a section's straight stretches, times 2 to 9
  float hollow = 0;                           // depth of the doors' hollow between the sill and the character line
  float crease_width = 0.05f;
  float rake_reach = 0.7f;  // how far along the body the faces' shape fades out
  std::vector<WheelArch> arches;
  // Open load bed: no surface on top for s in (bed_from, bed_to) and |y| < half width − bed_wall.
  float bed_from = 0, bed_to = 0, bed_wall = 0.08f;

  float x_of(float s) const { return front_x - s; }
  // Half width of the surface at station s and height z.
  float side_at(float s, float z) const;
  // How far a face of that bow stands back at a share of the half width.
  float bowed(float bow, float across) const;
  // x of the front and rear faces.
  float front_at(float y, float z) const;
  float rear_at(float y, float z) const;
};

// Where a body's surface runs around its section: attribute y of its vertices.
enum Band { kUnderside = 0, kLowerSide = 1, kUpperSide = 2, kGreenhouse = 3, kTop = 4 };

// Attribute: (s, band + position in it, cap: 1 on the front face, −1 on the rear face, 0 between).
Mesh loft(const BodyShape& shape);

}  // namespace spinfill::synth
