// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "synth/vehicles/design_draw.h"

namespace spinfill::synth {
namespace {

// A bus while it is drawn at random: another order of the draws would make other buses.
struct Bus {
  explicit Bus(Draw& numbers) : draw(numbers), d(draw_common(numbers, "bus")) {}
  void size_and_wheels();
  void body();
  void windows();
  void doors();
  void lamps_and_grille();
  void extras();

  Draw& draw;
  VehicleDesign d;
  BodyShape& b = d.body;
  float L = 0, H = 0, half = 0, c = 0, belt = 0;  // length, height, half width, clearance, height of the belt line
};

void Bus::size_and_wheels() {
  L = draw(6.2, 11.5);
  H = draw(2.65, 3.25);
  d.width = draw(2.15, 2.5);
  d.height = H;
  d.total_length = b.length = L;
  b.front_x = L / 2;
  d.clearance = draw(0.24, 0.34);
  d.wheel = draw_wheel(draw, draw(0.4, 0.5), 0.62f, 0.27f);
  if (d.wheel.style == 0 || d.wheel.style == 1) d.wheel.style = 4;
  d.axles = {std::max(0.95f, L * draw(0.16, 0.26)), L * draw(0.7, 0.78)};
  half = d.width / 2;
  c = d.clearance;
  belt = c + draw(0.75, 0.95);
}

void Bus::body() {
  b.top = Curve(
      {{0, H - draw(0.12, 0.3), 0}, {draw(0.25, 0.6), H, 0.4f}, {L - 0.3f, H, 0.3f}, {L, H - draw(0.05, 0.15), 0}});
  b.belt = Curve({{0, belt, 0}, {L, belt, 0}});
  b.bottom = Curve({{0, c + 0.06f, 0}, {0.1f * L, c, 0.3f}, {0.9f * L, c, 0.3f}, {L, c + 0.12f, 0}});
  b.half_width =
      Curve({{0, half * draw(0.93, 0.98), 0}, {0.35f, half, 0.3f}, {L - 0.3f, half, 0.3f}, {L, half * 0.97f, 0}});
  b.tumblehome = draw(0.01, 0.06);
  b.sill_inset = 0.03f;
  b.belt_inset = 0.005f;
  b.shoulder_radius = 0.1f;
  b.roof_radius = draw(0.14, 0.3);
  b.crown = draw(0.03, 0.07);
  b.screen_crown = b.crown;
  b.crease_depth = 0;
  b.crease_height = belt - draw(0.05, 0.3);
  b.cap_radius = draw(0.05, 0.1);
  b.front_bow = draw(0.04, 0.16);
  b.rear_bow = draw(0.0, 0.06);
  b.rake_reach = 0.5f;
  b.front_rake = Curve({{c, 0.05f, 0}, {c + 0.25f, 0, 0.1f}, {belt, draw(0.0, 0.06), 0.2f}, {H, draw(0.08, 0.3), 0}});
  b.rear_rake = Curve({{c, 0.05f, 0}, {c + 0.3f, 0, 0.1f}, {H, draw(0.02, 0.12), 0}});
  set_arches(draw, d, draw(0.06, 0.1), 0);
}

void Bus::windows() {
  d.windscreen_from = d.windscreen_to = 0;
  d.rear_window_from = d.rear_window_to = 0;
  d.front.screen_low = belt - draw(0.0, 0.2);
  d.front.screen_high = H - draw(0.3, 0.5);
  d.front.screen_half = draw(0.9, 0.97);
  d.rear.screen_low = belt + draw(0.15, 0.35);
  d.rear.screen_high = H - draw(0.35, 0.55);
  d.rear.screen_half = draw(0.6, 0.88);
  // Window row; the pillars keep clear of the doors.
  const float pane = draw(0.9, 1.5), from = draw(0.35, 0.7), to = L - draw(0.3, 0.8);
  const int panes = std::max(2, static_cast<int>((to - from) / pane));
  for (int i = 0; i < panes; ++i) {
    const float a = mix(from, to, static_cast<float>(i) / static_cast<float>(panes)),
                e = mix(from, to, static_cast<float>(i + 1) / static_cast<float>(panes));
    d.windows.push_back({a + 0.04f, e - 0.02f});
  }
  d.window_low = draw(0.03, 0.12);
  d.window_high = draw(0.22, 0.42);
}

void Bus::doors() {
  const float door_width = draw(0.8, 1.1);
  const float first_door = d.axles[0] > 1.9f ? 0.35f : d.axles[0] + d.body.arches[0].radius + 0.2f;
  d.glass_doors = {{first_door, first_door + door_width}};
  if (L > 8 || draw.chance(0.4)) {
    const float middle = mix(d.axles[0], d.axles[1], draw(0.5, 0.68));
    if (middle > first_door + door_width + 0.5f && middle + 1.1f < d.axles[1] - 0.6f)
      d.glass_doors.push_back({middle, middle + 1.1f});
  }
  d.doors.clear();
  d.handles.clear();
  d.door_low = c + 0.15f;
  d.hood_from = d.hood_to = 0;
}

void Bus::lamps_and_grille() {
  set_lamps(draw, d, c + draw(0.5, 0.65), c + draw(0.3, 0.5), c + draw(0.6, 1.1));
  d.front.lamp.wrap = 0.12f;
  d.rear.lamp.wrap = 0.06f;
  d.rear.lamp.inner = draw(0.8, 0.88);
  d.front.grille_half = draw.chance(0.5) ? 0 : half * 0.4f;
  d.front.grille_high = d.front.lamp.high;
  d.front.grille_low = d.front.lamp.low;
  d.front.light_bar = d.rear.light_bar = false;
}

void Bus::extras() {
  d.cap_s = draw(0.6, 0.9) * L;
  d.cap_z = c + 0.45f;
  d.two_tone = draw.chance(0.3) ? VehicleDesign::kRoof : draw.chance(0.5) ? VehicleDesign::kLower : VehicleDesign::kOne;
  d.black_roof = false;
  d.chrome_line = false;
  d.cladding = false;
  d.exhausts = 1;
  d.plate_offset *= 0.5f;
  add_decals(draw, d, d.axles[0] + 0.8f, d.axles[1] - 0.8f, mix(c, belt, draw(0.5, 0.65)), 0.36f, 0.8);
  if (draw.chance(0.5))
    d.decals.push_back(text_decal(draw, draw_word(draw), draw.side(), L * draw(0.3, 0.7), H - 0.2f, 0.2f, 0.3f * L,
                                  contrasting(draw, d.paint.colour)));
}

}  // namespace

VehicleDesign draw_bus(Draw& draw) {
  Bus bus(draw);
  bus.size_and_wheels();
  bus.body();
  bus.windows();
  bus.doors();
  bus.lamps_and_grille();
  bus.extras();
  return std::move(bus.d);
}

}  // namespace spinfill::synth
