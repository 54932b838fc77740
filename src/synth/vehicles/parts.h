// SPDX-License-Identifier: Apache-2.0
// What stands on and in the body, built from a design.
#pragma once

#include "synth/shapes/model.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

enum Kind : int {
  kBody,
  kTyre,
  kRim,
  kDark,
  kPaint,
  kSecond,
  kChrome,
  kPlate,
  kSeat,
  kLiner,
  kCargo,
  kTailLamp,
  kTrim,
  kBrake,
  kMirrorGlass,
  kWood,
  kCaliper,
  kSpoke
};

// The new part's mesh. References to earlier ones stay valid.
Mesh& add_part(Model& model, Kind kind, int index = 0);

void add_body(Model& model, const VehicleDesign& d);
void add_wheels(Model& model, const VehicleDesign& d);    // with a spare wheel and the wheel wells
void add_interior(Model& model, const VehicleDesign& d);  // seats, dashboard, steering wheel
void add_fittings(Model& model, const VehicleDesign& d);  // mirrors, handles, plates, exhausts, what is on the roof
void add_cargo(Model& model, const VehicleDesign& d);     // all of a truck behind its cab

}  // namespace spinfill::synth
