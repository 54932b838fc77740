// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "synth/vehicles/design_draw.h"

namespace spinfill::synth {
namespace {

// A truck while it is drawn at random: another order of the draws would make other trucks. Its body is the cab.
struct Truck {
  explicit Truck(Draw& numbers) : draw(numbers), d(draw_common(numbers, "truck")) {}
  void size_and_axles();
  void bonnet_and_windscreen();
  void flat_front();
  void cab_shape();
  void doors_and_windows();
  void faces();
  void cargo();
  void box_decals();

  Draw& draw;
  VehicleDesign d;
  BodyShape& b = d.body;
  bool bonnet = false;
  float H = 0, cab = 0, half = 0, c = 0;  // height and length of the cab, half width, clearance
  float belt = 0, nose = 0;               // heights of the belt line and of the front's edge
};

void Truck::size_and_axles() {
  bonnet = draw.chance(0.3);
  H = draw(2.1, 2.75);
  cab = bonnet ? draw(2.5, 3.0) : draw(1.55, 2.1);
  d.total_length = cab + draw(3.2, 5.6);
  d.width = draw(1.95, 2.45);
  d.height = H;
  b.length = cab;
  b.front_x = d.total_length / 2;
  d.clearance = draw(0.3, 0.42);
  d.wheel = draw_wheel(draw, draw(0.4, 0.52), 0.6f, 0.25f);
  if (d.wheel.style < 2) d.wheel.style = 4;
  half = d.width / 2;
  c = d.clearance;
  const float front_axle = bonnet ? draw(0.75, 0.95) : draw(0.75, 1.0);
  d.axles = {front_axle, d.total_length - draw(1.0, 1.7)};
  if (d.total_length > 6.8f && draw.chance(0.6))
    d.axles.push_back(std::min(d.total_length - d.wheel.radius - 0.1f, d.axles[1] + 2.15f * d.wheel.radius));
  if (d.axles.size() == 3) d.axles[1] = d.axles[2] - 2.15f * d.wheel.radius;
  d.dual_rear = draw.chance(0.7);
  belt = c + draw(0.75, 0.95) + (bonnet ? 0.05f : 0.0f);
  nose = belt - 0.03f;
}

void Truck::bonnet_and_windscreen() {
  nose = belt - draw(0.0, 0.12);
  const float cowl = draw(1.05, 1.3), run = draw(0.25, 0.45);
  b.top = Curve({{0, nose - 0.05f, 0},
                 {0.15f, nose, 0.15f},
                 {cowl, belt + 0.08f, 0.15f},
                 {cowl + run, H - 0.05f, 0.25f},
                 {cab - 0.1f, H, 0.1f},
                 {cab, H - 0.04f, 0}});
  d.windscreen_from = cowl + 0.02f;
  d.windscreen_to = cowl + run;
  d.hood_from = 0.1f;
  d.hood_to = cowl - 0.03f;
  b.front_rake = Curve({{c, 0.03f, 0}, {c + 0.25f, 0, 0.1f}, {nose, 0.06f, 0}});
}

void Truck::flat_front() {
  b.top = Curve({{0, H - draw(0.1, 0.25), 0}, {draw(0.2, 0.4), H, 0.25f}, {cab - 0.1f, H, 0.1f}, {cab, H - 0.04f, 0}});
  d.windscreen_from = d.windscreen_to = 0;
  d.hood_from = d.hood_to = 0;
  d.front.screen_low = belt - draw(0.0, 0.08);
  d.front.screen_high = H - draw(0.25, 0.4);
  d.front.screen_half = draw(0.86, 0.93);
  b.front_rake = Curve({{c, 0.03f, 0}, {c + 0.25f, 0, 0.1f}, {belt, draw(0.0, 0.08), 0.2f}, {H, draw(0.12, 0.4), 0}});
}

void Truck::cab_shape() {
  d.rear_window_from = d.rear_window_to = 0;
  b.belt = Curve({{0, belt, 0}, {cab, belt, 0}});
  b.bottom = Curve({{0, c, 0}, {cab, c + 0.1f, 0}});
  b.half_width = Curve({{0, half * draw(0.88, 0.96), 0}, {0.5f, half * 0.98f, 0.3f}, {cab, half * 0.98f, 0}});
  b.tumblehome = draw(0.05, 0.12);
  b.sill_inset = 0.03f;
  b.belt_inset = 0.01f;
  b.shoulder_radius = 0.06f;
  b.roof_radius = draw(0.08, 0.16);
  b.crown = 0.03f;
  b.screen_crown = 0.04f;
  b.crease_height = belt - 0.2f;
  b.cap_radius = draw(0.04, 0.08);
  b.front_bow = draw(0.03, 0.12);
  b.rear_bow = 0;
  b.rake_reach = 0.45f;
  b.rear_rake = Curve({{0, 0, 0}, {4, 0, 0}});
  d.body.arches = {{d.axles[0], d.wheel.radius + 0.01f, d.wheel.radius + draw(0.07, 0.11), draw(0, 0.03), 0.1f}};
}

void Truck::doors_and_windows() {
  const float door_from = bonnet ? d.windscreen_from + 0.1f : std::max(0.25f, d.axles[0] - 0.45f),
              door_to = cab - draw(0.15, 0.4);
  d.doors = {door_from, door_to};
  d.handles = {door_to - 0.18f};
  d.handle_z = belt - 0.12f;
  d.door_low = c + 0.2f;
  d.windows = {{door_from + (bonnet ? 0 : 0.06f), door_to - 0.02f}};
  d.window_low = 0.04f;
  d.window_high = draw(0.16, 0.26);
}

void Truck::faces() {
  set_lamps(draw, d, bonnet ? nose : c + draw(0.5, 0.6), 0.5f, 0.7f);
  d.front.grille_half = half * draw(0.45, 0.7);
  d.front.grille_high = bonnet ? nose - 0.05f : belt - 0.12f;
  d.front.grille_low = d.front.grille_high - draw(0.2, 0.35);
  d.front.lamp.wrap = 0.14f;
  d.front.bumper_line = std::min(d.front.lamp.low, d.front.grille_low) - 0.03f;
  d.front.plastic_bumper = draw.chance(0.5);
  d.front.light_bar = false;
  d.rear.lamp.low = d.rear.lamp.high = -1;
  d.rear.bumper_line = 0.5f;
  d.rear.intake_half = 0;
  d.rear.fog_lamps = false;
  d.rear.light_bar = false;
  d.cap_s = -5;
  d.chrome_line = d.cladding = false;
  d.two_tone = VehicleDesign::kOne;
  d.exhausts = 0;
  d.plate_offset *= 0.5f;
}

void Truck::cargo() {
  const float kind = draw(0, 1);
  d.cargo = kind < 0.6f ? VehicleDesign::kBoxCargo : kind < 0.82f ? VehicleDesign::kFlatbed : VehicleDesign::kTank;
  d.cargo_from = cab + draw(0.08, 0.25);
  d.cargo_low = 2 * d.wheel.radius + draw(0.06, 0.15);
  d.cargo_high = d.cargo == VehicleDesign::kBoxCargo ? H + draw(-0.1, 0.75)
                 : d.cargo == VehicleDesign::kTank   ? d.cargo_low + draw(1.2, 1.7)
                                                     : d.cargo_low + draw(0.3, 0.5);
  d.cargo_paint = draw.chance(0.45) ? d.paint : draw_paint(draw);
  if (draw.chance(0.35)) d.cargo_paint.colour = Vec3::Constant(draw(0.65, 0.85));
  d.cargo_paint.metallic = d.cargo == VehicleDesign::kTank ? 0.9f : 0;
}

// Lettering, a shape and stripes on the box.
void Truck::box_decals() {
  const float z = (d.cargo_low + d.cargo_high) / 2, length = d.total_length - d.cargo_from,
              s = d.cargo_from + length / 2;
  const Vec3 ink = contrasting(draw, d.cargo_paint.colour);
  const float side = draw.side();
  const std::string word = draw_word(draw);
  if (draw.chance(0.8))
    d.decals.push_back(
        text_decal(draw, word, side, s + draw(-0.3, 0.3), z + draw(-0.2, 0.3), draw(0.4, 0.8), 0.8f * length, ink));
  if (draw.chance(0.7))
    d.decals.push_back(text_decal(draw, draw.chance(0.5) ? word : draw_word(draw), -side, s + draw(-0.5, 0.5),
                                  z + draw(-0.3, 0.4), draw(0.3, 0.7), 0.7f * length, ink));
  if (draw.chance(0.5)) {
    Decal shape;
    shape.kind = draw.chance(0.5) ? Decal::kDisc : Decal::kDiamond;
    shape.side = draw.side();
    shape.half_height = draw(0.25, 0.5);
    shape.half_length = shape.half_height * draw(0.8, 1.4);
    shape.s = s + draw(-0.35, 0.35) * length;
    shape.z = z;
    shape.colour = contrasting(draw, d.cargo_paint.colour);
    d.decals.push_back(shape);
  }
  if (draw.chance(0.4)) {
    Decal stripe;
    stripe.kind = Decal::kStripe;
    stripe.half_height = draw(0.05, 0.25);
    stripe.half_length = length / 2;
    stripe.s = s;
    stripe.z = d.cargo_low + draw(0.3, 0.6);
    stripe.colour = contrasting(draw, d.cargo_paint.colour);
    for (const float each : {1.0f, -1.0f}) {
      stripe.side = each;
      d.decals.push_back(stripe);
    }
  }
}

}  // namespace

VehicleDesign draw_truck(Draw& draw) {
  Truck truck(draw);
  truck.size_and_axles();
  if (truck.bonnet)
    truck.bonnet_and_windscreen();
  else
    truck.flat_front();
  truck.cab_shape();
  truck.doors_and_windows();
  truck.faces();
  truck.cargo();
  if (truck.d.cargo == VehicleDesign::kBoxCargo) truck.box_decals();
  return std::move(truck.d);
}

}  // namespace spinfill::synth
