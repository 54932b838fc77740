// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "synth/vehicles/parts.h"

namespace spinfill::synth {
namespace {

// Frame, mudguards, axles, and a tank and a tool box, each on one side; tail lamps.
void add_chassis(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const float half = d.width / 2;
  Mesh& dark = add_part(model, kDark);
  const float frame_z = d.wheel.radius + 0.12f, frame_from = 0.6f * body.length;
  for (const float side : {1.0f, -1.0f}) {
    add_box(dark, {body.x_of((frame_from + d.total_length) / 2), side * 0.38f, frame_z},
            {(d.total_length - frame_from) / 2 - 0.05f, 0.05f, 0.11f}, 0.01f);
    add_box(dark, {body.x_of(d.total_length) + 0.06f, side * 0.4f, 0.45f}, {0.05f, 0.4f * half, 0.05f}, 0.02f);
  }
  for (const float axle : d.axles)
    add_tube(dark,
             {Vec3(body.x_of(axle), -half + 0.2f, d.wheel.radius), Vec3(body.x_of(axle), half - 0.2f, d.wheel.radius)},
             0.07f);
  const float tank_s = body.length + 0.75f;
  add_tube(add_part(model, kChrome),
           {Vec3(body.x_of(tank_s - 0.4f), d.cap_side * (half - 0.35f), 0.62f),
            Vec3(body.x_of(tank_s - 0.399f), d.cap_side * (half - 0.35f), 0.62f),
            Vec3(body.x_of(tank_s + 0.4f), d.cap_side * (half - 0.35f), 0.62f)},
           0.24f, 20);
  add_box(dark, {body.x_of(tank_s), -d.cap_side * (half - 0.3f), 0.62f}, {0.22f, 0.2f, 0.17f}, 0.02f);
  Mesh& lamps = add_part(model, kTailLamp);
  for (const float side : {1.0f, -1.0f}) {
    add_box(lamps, {body.x_of(d.total_length) + 0.03f, side * (half - 0.25f), d.cargo_low - 0.16f},
            {0.04f, 0.17f, 0.06f}, 0.01f);
  }
}

void add_box_body(Mesh& cargo, const VehicleDesign& d, float x, float length) {
  add_box(cargo, {x, 0, (d.cargo_low + d.cargo_high) / 2}, {length / 2, d.width / 2, (d.cargo_high - d.cargo_low) / 2},
          0.03f);
}

void add_flatbed(Model& model, Mesh& walls, const VehicleDesign& d, float x, float length) {
  const float half = d.width / 2;
  add_box(add_part(model, kWood), {x, 0, d.cargo_low + 0.05f}, {length / 2, half, 0.06f}, 0.01f);
  const float wall = 0.5f * std::min(0.5f, d.cargo_high - d.cargo_low);
  for (const float side : {1.0f, -1.0f})
    add_box(walls, {x, side * (half - 0.025f), d.cargo_low + wall}, {length / 2, 0.025f, wall}, 0.01f);
  add_box(walls, {d.body.x_of(d.total_length) + 0.025f, 0, d.cargo_low + wall}, {0.025f, half, wall}, 0.01f);
  add_box(walls, {d.body.x_of(d.cargo_from) - 0.03f, 0, d.cargo_low + 2 * wall}, {0.03f, half, 2 * wall}, 0.01f);
  // Freight, not in the middle.
  add_box(add_part(model, kWood), {x + 0.2f * length, 0.3f * half * d.driver_side, d.cargo_low + 0.42f},
          {0.16f * length, 0.55f * half, 0.34f}, 0.02f);
  add_box(add_part(model, kSecond), {x - 0.22f * length, -0.35f * half * d.driver_side, d.cargo_low + 0.33f},
          {0.12f * length, 0.45f * half, 0.25f}, 0.02f);
}

void add_tank(Model& model, Mesh& cargo, const VehicleDesign& d, float x, float length) {
  const float radius = std::min(d.width / 2, (d.cargo_high - d.cargo_low) / 2);
  Mesh drum;
  add_lathe(drum, Vec3::Zero(),
            {{0.001f, -length / 2},
             {0.7f * radius, -length / 2 + 0.05f},
             {radius, -length / 2 + 0.25f},
             {radius, length / 2 - 0.25f},
             {0.7f * radius, length / 2 - 0.05f},
             {0.001f, length / 2}},
            40);
  for (auto* list : {&drum.position, &drum.normal}) {
    for (auto& p : *list) p = Vec3(p.y(), -p.x(), p.z());  // axis from +Y to +X
  }
  drum.translate({x, 0, d.cargo_low + radius});
  cargo.append(drum);
  Mesh& fittings = add_part(model, kDark);
  for (int i = 0; i < 3; ++i)
    add_box(fittings, {x + length * (0.3f * static_cast<float>(i) - 0.3f), 0, d.cargo_low + 2 * radius + 0.03f},
            {0.2f, 0.2f, 0.06f}, 0.03f);
  const float ladder_x = d.body.x_of(d.total_length) - 0.02f, ladder_y = d.driver_side * 0.5f * radius;
  add_tube(fittings, {Vec3(ladder_x, ladder_y, d.cargo_low), Vec3(ladder_x, ladder_y, d.cargo_low + 2 * radius)},
           0.02f);
}

}  // namespace

void add_cargo(Model& model, const VehicleDesign& d) {
  if (d.cargo == VehicleDesign::kNoCargo) return;
  const float length = d.total_length - d.cargo_from;
  const float x = d.body.x_of(d.cargo_from + length / 2);
  add_chassis(model, d);
  Mesh& cargo = add_part(model, kCargo);
  switch (d.cargo) {
    case VehicleDesign::kBoxCargo: add_box_body(cargo, d, x, length); break;
    case VehicleDesign::kFlatbed: add_flatbed(model, cargo, d, x, length); break;
    case VehicleDesign::kTank: add_tank(model, cargo, d, x, length); break;
    case VehicleDesign::kNoCargo: break;
  }
}

}  // namespace spinfill::synth
