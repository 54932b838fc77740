// SPDX-License-Identifier: Apache-2.0
// What the draws of all categories share.
#pragma once

#include <string>

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

struct Draw {
  Random& random;
  float operator()(double low, double high) { return static_cast<float>(random.uniform(low, high)); }
  bool chance(double p) { return random.chance(p); }
  int pick(int count) { return static_cast<int>(random.integer(count)); }
  float side() { return random.chance(0.5) ? 1.0f : -1.0f; }
};

Paint draw_paint(Draw& draw);
std::string draw_text(Draw& draw, const char* pattern);  // A: letter, 9: digit
std::string draw_word(Draw& draw);
Vec3 contrasting(Draw& draw, const Vec3& background);
Decal text_decal(Draw& draw, const std::string& text, float side, float s, float z, float height, float most_length,
                 const Vec3& colour);
WheelDesign draw_wheel(Draw& draw, float radius, float rim_share, float width);
// Lengths that depend on the body are set afterwards.
VehicleDesign draw_common(Draw& draw, const std::string& category);
void set_lamps(Draw& draw, VehicleDesign& d, float hood_z, float rear_low, float rear_high);
void add_decals(Draw& draw, VehicleDesign& d, float from, float to, float z, float height, double probability);
void set_arches(Draw& draw, VehicleDesign& d, float gap, float flare);

// sedan, hatchback, SUV, jeep and pickup: bonnet, cabin, tail.
VehicleDesign draw_car(Draw& draw, const std::string& category);
VehicleDesign draw_bus(Draw& draw);
VehicleDesign draw_truck(Draw& draw);

}  // namespace spinfill::synth
