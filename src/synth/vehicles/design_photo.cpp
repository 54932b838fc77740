// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "synth/vehicles/deep_wheel.h"
#include "synth/vehicles/design_draw.h"

namespace spinfill::synth {
namespace {

Badge text_badge(const std::string& text, bool front, float y, float z, float height) {
  Badge badge;
  badge.front = front;
  badge.y = y;
  badge.z = z;
  badge.mask = text_mask(text, 48, true);
  badge.half_height = height / 2;
  badge.half_length = badge.half_height * static_cast<float>(badge.mask.cols) / static_cast<float>(badge.mask.rows);
  return badge;
}

// A letter in an ellipse on grille and tail, words on the tail: a name on one side, a size on the other.
void draw_badges(Draw& draw, VehicleDesign& d) {
  const std::string letter = draw_text(draw, "A"), name = draw_text(draw, draw.chance(0.5) ? "AAAA9" : "AAA A");
  const std::string size = draw_text(draw, draw.chance(0.5) ? "9.9A" : "A99");
  const float height = draw(0.045, 0.065);
  const float wide = draw(1.2, 1.9), side = draw.side();
  const bool spelled = draw.chance(0.3);
  for (const bool front : {true, false}) {
    const FaceDesign& face = front ? d.front : d.rear;
    const float z = front ? (d.front.grille_half > 0 ? mix(face.grille_low, face.grille_high, 0.62f)
                                                     : (face.lamp.low + face.lamp.high) / 2)
                          : mix(face.lamp.low, face.lamp.high, 0.7f);
    if (front && spelled) {
      d.details.badges.push_back(text_badge(name, true, 0, z, 0.06f));
      continue;
    }
    Badge badge = text_badge(letter, front, 0, z, 2 * height);
    badge.half_length = height * wide;
    badge.ring = true;
    if (front || !d.spare_wheel) d.details.badges.push_back(badge);
  }
  const float z = mix(d.rear.lamp.low, d.rear.lamp.high, draw(0.0, 0.25)), y = 0.5f * d.width * 0.42f;
  d.details.badges.push_back(text_badge(name, false, side * y, z, 0.04f));
  if (draw.chance(0.7)) d.details.badges.push_back(text_badge(size, false, -side * y, z, 0.035f));
}

void draw_wheel_details(Draw& draw, VehicleDesign& d) {
  PhotoDetails& details = d.details;
  WheelDesign& wheel = d.wheel;
  const bool heavy = d.category == "bus" || d.category == "truck";
  // Pressed rims with holes are for heavy vehicles and the cheapest cars.
  if (!heavy && pressed_rim(wheel) && draw.chance(0.8)) {
    wheel.style = std::array{0, 1, 3}[static_cast<std::size_t>(draw.pick(3))];
    wheel.spokes = wheel.style == 3 ? 9 + draw.pick(7) : 5 + draw.pick(3);
  }
  details.spoke_width = draw(0.17, 0.27);
  details.machined = draw.chance(0.3);
  const float colour = draw(0, 1);
  details.caliper = colour < 0.12f   ? Vec3(0.5f, 0.01f, 0.01f)
                    : colour < 0.17f ? Vec3(0.7f, 0.5f, 0.02f)
                                     : Vec3(Vec3::Constant(draw(0.05, 0.35)));
  details.tyre_mark = text_mask(draw_text(draw, "AAAAAA 99") + "5/99 R19", 40, true);
}

// Ends that are flat in the middle and round at the corners, narrower towards the ends; sides with an edge and a
// hollow.
void round_body(Draw& draw, VehicleDesign& d) {
  BodyShape& b = d.body;
  b.fineness = 2;
  d.gap_half = draw(0.0035, 0.005);
  const bool heavy = d.category == "bus" || d.category == "truck", upright = d.category == "jeep";
  if (heavy) return;
  // The wings cover the tyres: the plan stays wide up to the corners, whose roundness is the bow's.
  const float half = d.width / 2, L = b.length;
  const float nose = upright ? 0.97f : draw(0.92, 0.96),
              tail = upright || d.category == "pickup" ? 0.98f : draw(0.92, 0.96);
  b.half_width = Curve({{0, half * nose, 0},
                        {0.04f * L, half * mix(nose, 1, 0.6f), 0.15f},
                        {0.11f * L, half * 0.995f, 0.3f},
                        {0.45f * L, half, 0.8f},
                        {0.88f * L, half * 0.99f, 0.4f},
                        {0.96f * L, half * mix(tail, 1, 0.6f), 0.15f},
                        {L, half * tail, 0}});
  d.wheel_inset = draw(0.035, 0.055);
  // Thin pillars beside the screens; the bonnet reaches the wings.
  b.roof_radius = std::min(b.roof_radius, draw(0.06, 0.1));
  d.screen_edge = draw(-0.08, -0.03);
  d.hood_edge = draw(0.03, 0.08);
  b.corner_power = draw(2.4, 3.4);
  b.front_bow = std::max(b.front_bow, upright                  ? draw(0.04, 0.08)
                                      : d.category == "pickup" ? draw(0.12, 0.2)
                                                               : draw(0.2, 0.3));
  b.rear_bow = std::max(b.rear_bow, upright || d.category == "pickup" ? draw(0.02, 0.04) : draw(0.12, 0.22));
  b.crease_depth = std::max(b.crease_depth, upright ? 0.0f : draw(0.008, 0.02));
  b.crease_width = draw(0.015, 0.05);
  b.hollow = upright ? draw(0.0, 0.01) : draw(0.012, 0.035);
  for (auto& arch : b.arches) {
    arch.flare = std::max(arch.flare, draw(0.012, 0.03));
    arch.flare_width = std::min(arch.flare_width, draw(0.05, 0.09));
  }
}

void draw_face_details(Draw& draw, VehicleDesign& d) {
  PhotoDetails& details = d.details;
  details.day_light = draw.pick(5);
  details.lenses = 1 + draw.pick(2);
  details.tail = draw.pick(3);
  details.bar_pitch = draw(0.022, 0.05);
  details.vent_inner = draw(0.6, 0.74);
  details.vent_lamp = draw.chance(0.5);
  const bool high = d.category == "suv" || d.category == "jeep" || d.category == "pickup";
  details.skid_plate = high && draw.chance(0.5);
  FaceDesign& f = d.front;
  f.fog_lamps = f.fog_lamps && d.category != "bus" && details.vent_lamp;
  const bool car = d.category == "sedan" || d.category == "hatchback" || d.category == "suv";
  if (!car) return;
  // Openings of today's size: a deep lower intake, a grille that may reach down to it.
  f.intake_half = std::max(f.intake_half, 0.5f * d.width * draw(0.45, 0.58));
  f.intake_high = std::max(f.intake_high, f.intake_low + draw(0.1, 0.16));
  f.bumper_line = std::max(f.bumper_line, f.intake_high + 0.08f);
  if (f.grille_half > 0 && draw.chance(0.35)) {
    f.grille_low = std::min(f.grille_low, f.intake_high + draw(0.0, 0.06));
    f.bumper_line = f.intake_high + 0.02f;
  }
}

}  // namespace

void add_photo_details(VehicleDesign& design, Random& random) {
  Draw draw{random};
  design.photo = true;
  design.plate_offset *= 0.4f;
  round_body(draw, design);
  draw_wheel_details(draw, design);
  draw_face_details(draw, design);
  draw_badges(draw, design);
}

}  // namespace spinfill::synth
