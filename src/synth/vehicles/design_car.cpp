// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "synth/vehicles/design_draw.h"

namespace spinfill::synth {
namespace {

struct Span {
  double low, high;
};

// A car while it is drawn at random, from one stream of numbers: another order of the draws would make other cars.
struct Car {
  Car(Draw& numbers, const std::string& category)
      : draw(numbers),
        sedan(category == "sedan"),
        hatch(category == "hatchback"),
        suv(category == "suv"),
        jeep(category == "jeep"),
        pickup(category == "pickup"),
        d(draw_common(numbers, category)) {}

  // One draw from the category's own span.
  float by_category(Span of_sedan, Span of_hatch, Span of_suv, Span of_jeep, Span of_pickup) {
    const Span& s = sedan ? of_sedan : hatch ? of_hatch : suv ? of_suv : jeep ? of_jeep : of_pickup;
    return draw(s.low, s.high);
  }

  void size_and_wheels();
  void front_of_side_view();
  void sedan_tail();
  void pickup_tail();
  void hatchback_tail();
  void belt_and_underside();
  void plan_view();
  void roundings();
  void front_and_rear_faces();
  void doors_and_windows();
  void jeep_features();
  void pickup_features();
  void extras();

  Draw& draw;
  const bool sedan, hatch, suv, jeep, pickup;
  VehicleDesign d;
  BodyShape& b = d.body;
  float L = 0, H = 0, wheel = 0;                       // length, height, radius of a wheel
  float nose = 0, cowl_s = 0, cowl_z = 0;              // height of the front's edge; where bonnet and windscreen meet
  float roof_s = 0, belt_front = 0, tail_belt = 0;     // where the roof begins; heights of the belt line at both ends
  float last_window = 0, rear_low = 0, rear_high = 0;  // end of the side windows; heights of the tail lamps
  std::vector<Curve::Corner> top;
};

void Car::size_and_wheels() {
  L = by_category({4.3, 5.05}, {3.55, 4.35}, {4.2, 5.0}, {3.6, 4.6}, {5.0, 5.8});
  d.width = by_category({1.74, 1.92}, {1.65, 1.84}, {1.78, 2.0}, {1.65, 1.92}, {1.8, 2.02});
  H = by_category({1.36, 1.52}, {1.42, 1.6}, {1.6, 1.86}, {1.72, 1.95}, {1.7, 1.95});
  d.height = H;
  d.total_length = b.length = L;
  b.front_x = L / 2;
  d.clearance = by_category({0.14, 0.19}, {0.14, 0.19}, {0.18, 0.25}, {0.23, 0.32}, {0.23, 0.32});
  wheel = by_category({0.31, 0.355}, {0.28, 0.335}, {0.345, 0.4}, {0.36, 0.43}, {0.36, 0.43});
  d.wheel = draw_wheel(draw, wheel, jeep || pickup ? draw(0.55, 0.66) : draw(0.62, 0.76),
                       jeep || pickup ? draw(0.22, 0.27) : draw(0.18, 0.23));
  d.cladding = suv ? draw.chance(0.5) : jeep || pickup ? draw.chance(0.6) : draw.chance(0.08);
  const float front_axle = L * by_category({0.18, 0.205}, {0.185, 0.21}, {0.18, 0.2}, {0.15, 0.18}, {0.16, 0.18});
  const float rear_axle = L * by_category({0.775, 0.805}, {0.8, 0.84}, {0.785, 0.815}, {0.78, 0.82}, {0.755, 0.78});
  d.axles = {std::max(front_axle, wheel + 0.32f), std::min(rear_axle, L - wheel - 0.22f)};
  if (jeep || pickup) {
    b.sill_radius = 0.04f;
    b.bulge_height = 0.5f;
  }
}

void Car::front_of_side_view() {
  nose = H * by_category({0.47, 0.52}, {0.48, 0.55}, {0.5, 0.57}, {0.54, 0.6}, {0.54, 0.59});
  cowl_s = L * by_category({0.255, 0.3}, {0.22, 0.265}, {0.235, 0.28}, {0.3, 0.35}, {0.24, 0.27});
  cowl_z =
      std::max(nose + 0.05f, H * by_category({0.63, 0.67}, {0.62, 0.67}, {0.62, 0.66}, {0.61, 0.65}, {0.63, 0.67}));
  const float screen_run = (H - cowl_z) * by_category({1.35, 1.8}, {1.1, 1.6}, {0.9, 1.35}, {0.15, 0.45}, {0.9, 1.2});
  roof_s = cowl_s + screen_run;
  belt_front = cowl_z - draw(0.02, 0.06);
  const float belt_rise = draw(0.0, 0.09) * (jeep || pickup ? 0.4f : 1.0f);
  tail_belt = belt_front + belt_rise;
  top = {{0, nose - draw(0.02, 0.06), 0},
         {0.05f * L, nose + 0.02f, 0.3f},
         {cowl_s, cowl_z, draw(0.15, 0.4)},
         {roof_s, H - (jeep ? 0.02f : 0.045f), jeep ? 0.12f : draw(0.35, 0.6)}};
  if (jeep) top[1] = {0.04f * L, nose + 0.06f, 0.1f};
  d.windscreen_from = cowl_s + 0.02f;
  d.windscreen_to = roof_s + 0.02f;
}

void Car::sedan_tail() {
  const float rear_s = L * draw(0.66, 0.74), deck_s = std::min(0.93f * L, rear_s + L * draw(0.13, 0.19)),
              deck_z = H * draw(0.7, 0.745);
  const float end_z = deck_z - draw(0.0, 0.05);
  top.push_back({(roof_s + rear_s) / 2, H, 0.6f});
  top.push_back({rear_s, H - draw(0.05, 0.09), draw(0.4, 0.7)});
  top.push_back({deck_s, deck_z, draw(0.12, 0.3)});
  top.push_back({L, end_z, 0});
  tail_belt = std::min(tail_belt, deck_z - 0.05f);
  d.rear_window_from = rear_s + 0.02f;
  d.rear_window_to = deck_s - 0.06f;
  d.trunk_from = deck_s + 0.05f;
  last_window = mix(rear_s, deck_s, draw(0.25, 0.55));
  rear_high = end_z - draw(0.03, 0.08);
  rear_low = rear_high - draw(0.12, 0.2);
}

void Car::pickup_tail() {
  const bool double_cab = draw.chance(0.7);
  const float rear_s = roof_s + (double_cab ? L * draw(0.21, 0.25) : L * draw(0.1, 0.13)), drop = draw(0.1, 0.22),
              rail = cowl_z + draw(0.0, 0.06);
  top.push_back({(roof_s + rear_s) / 2, H, 0.5f});
  top.push_back({rear_s, H - 0.04f, 0.15f});
  top.push_back({rear_s + drop, rail, 0.05f});
  top.push_back({L, rail, 0});
  tail_belt = rail - 0.05f;
  d.rear_window_from = rear_s + 0.01f;
  d.rear_window_to = rear_s + drop - 0.03f;
  last_window = rear_s - 0.06f;
  b.bed_from = rear_s + drop + 0.08f;
  b.bed_to = L - 0.09f;
  b.bed_wall = 0.1f;
  rear_high = rail - draw(0.06, 0.12);
  rear_low = rear_high - draw(0.2, 0.34);
}

// Of hatchback, SUV and jeep: the roof ends where the car does.
void Car::hatchback_tail() {
  const float rear_s = jeep ? L - 0.1f : L * (suv ? draw(0.86, 0.94) : draw(0.8, 0.9));
  const float rear_z = H - (jeep ? 0.03f : draw(0.03, 0.1));
  top.push_back({mix(roof_s, rear_s, 0.4f), H, 0.6f});
  top.push_back({rear_s, rear_z, jeep ? 0.08f : draw(0.15, 0.35)});
  if (jeep) {
    top.push_back({L, rear_z - 0.06f, 0});
    d.rear_window_from = d.rear_window_to = 0;
    d.rear.screen_low = belt_front + 0.06f;
    d.rear.screen_high = H - 0.2f;
    d.rear.screen_half = 0.62f;
  } else {
    const float end_z = tail_belt + draw(0.0, 0.08);
    top.push_back({L - 0.04f, end_z, 0.1f});
    top.push_back({L, end_z - 0.06f, 0});
    tail_belt = std::min(tail_belt, end_z - 0.04f);
    d.rear_window_from = rear_s + 0.04f;
    d.rear_window_to = L - 0.07f;
  }
  last_window = jeep ? L - 0.22f : std::min(rear_s + 0.02f, L - 0.3f) - draw(0.02, 0.2);
  rear_high = jeep ? nose : tail_belt + draw(-0.05, 0.02);
  rear_low = rear_high - (suv || jeep ? draw(0.14, 0.3) : draw(0.15, 0.3));
}

void Car::belt_and_underside() {
  b.top = Curve(top);
  b.belt = Curve({{0, nose - 0.1f, 0},
                  {0.1f * L, mix(nose, belt_front, 0.55f) - 0.06f, 0.3f},
                  {cowl_s, belt_front, 0.4f},
                  {L * 0.8f, tail_belt, 0.4f},
                  {L, tail_belt - 0.03f, 0}});
  const float c = d.clearance;
  b.bottom =
      Curve({{0, c + draw(0.03, 0.1), 0}, {0.12f * L, c, 0.3f}, {0.85f * L, c, 0.3f}, {L, c + draw(0.08, 0.16), 0}});
}

void Car::plan_view() {
  const float half = d.width / 2;
  const float pinch = jeep ? draw(0.92, 0.97) : pickup ? draw(0.9, 0.95) : draw(0.84, 0.93);
  const float tail = jeep || pickup ? draw(0.96, 0.99) : draw(0.86, 0.94);
  b.half_width = Curve({{0, half * pinch, 0},
                        {0.05f * L, half * mix(pinch, 1, 0.45f), 0.3f},
                        {0.17f * L, half * 0.985f, 0.5f},
                        {0.45f * L, half, 0.8f},
                        {0.8f * L, half * 0.985f, 0.6f},
                        {0.94f * L, half * mix(tail, 1, 0.5f), 0.4f},
                        {L, half * tail, 0}});
}

void Car::roundings() {
  b.tumblehome = jeep ? draw(0.06, 0.14) : pickup ? draw(0.22, 0.32) : suv ? draw(0.24, 0.38) : draw(0.32, 0.48);
  b.belt_inset = jeep ? 0.02f : draw(0.03, 0.07);
  b.sill_inset = draw(0.05, 0.1);
  b.crown = jeep ? draw(0.015, 0.03) : draw(0.03, 0.06);
  b.screen_crown = jeep ? 0.03f : draw(0.06, 0.1);
  b.shoulder_radius = jeep ? 0.03f : draw(0.04, 0.1);
  b.roof_radius = jeep ? 0.07f : draw(0.1, 0.18);
  b.crease_height = mix(d.clearance, belt_front, draw(0.62, 0.85));
  b.crease_depth = jeep ? 0 : draw(0.004, 0.022);
  b.cap_radius = jeep ? 0.03f : draw(0.035, 0.07);
}

void Car::front_and_rear_faces() {
  const float c = d.clearance;
  b.front_bow = jeep ? draw(0.0, 0.03) : pickup ? draw(0.04, 0.1) : draw(0.1, 0.2);
  b.rear_bow = jeep || pickup ? 0.02f : draw(0.05, 0.14);
  b.front_rake = Curve({{c, draw(0.04, 0.14), 0},
                        {c + 0.16f, 0.0f, 0.1f},
                        {mix(c, nose, 0.55f), draw(0.0, 0.03), 0.1f},
                        {nose, draw(0.03, 0.12), 0}});
  b.rear_rake = Curve({{c, draw(0.03, 0.12), 0},
                       {c + 0.22f, 0.0f, 0.1f},
                       {mix(c, rear_high, 0.6f), draw(0.0, 0.05), 0.1f},
                       {rear_high + 0.05f, draw(0.02, 0.08), 0}});
  if (jeep) b.rear_rake = Curve({{c, 0.02f, 0}, {c + 0.3f, 0, 0.05f}, {H, draw(0.0, 0.05), 0}});
  set_arches(draw, d, jeep || pickup ? draw(0.06, 0.1) : draw(0.035, 0.07),
             jeep         ? draw(0.03, 0.06)
             : d.cladding ? draw(0.015, 0.03)
                          : draw(0.0, 0.02));
}

void Car::doors_and_windows() {
  // The B pillar stands between the axles.
  d.door_low = d.clearance + draw(0.1, 0.16);
  const bool two_doors = (jeep && L < 4.0f) || (hatch && draw.chance(0.35)) ||
                         (pickup && last_window - roof_s < 0.85f) || (sedan && draw.chance(0.12));
  const float first_door = std::max(d.axles[0] + d.body.arches[0].radius + 0.08f, cowl_s + 0.02f);
  const float end_door = pickup || two_doors
                             ? (pickup ? last_window + 0.02f : std::min(first_door + 1.35f, d.axles[1] - 0.3f))
                             : std::min(last_window - 0.05f, d.axles[1] + 0.12f);
  const float pillar = two_doors ? end_door : mix(first_door, end_door, draw(0.5, 0.54));
  d.doors = two_doors ? std::vector<float>{first_door, end_door} : std::vector<float>{first_door, pillar, end_door};
  const float window_first = cowl_s + 0.05f;
  if (two_doors && pickup)
    d.windows = {{window_first, last_window}};
  else if (two_doors)
    d.windows = {{window_first, pillar - 0.02f}, {pillar + 0.06f, last_window}};
  else
    d.windows = {{window_first, pillar - 0.03f}, {pillar + 0.05f, std::min(end_door, last_window)}};
  if (!two_doors && last_window > end_door + 0.2f) d.windows.push_back({end_door + 0.07f, last_window});
  d.window_low = draw(0.02, 0.05);
  d.window_high = draw(0.06, 0.1);
  const float handle_down = draw(0.06, 0.12);
  d.handle_z = b.belt.at(pillar) - handle_down;
  d.handles = two_doors ? std::vector<float>{end_door - 0.18f} : std::vector<float>{pillar - 0.15f, end_door - 0.2f};
  d.hood_from = draw(0.06, 0.16);
  d.hood_to = cowl_s - 0.03f;
}

// Round lamps, upright grille, unpainted bumpers, spare wheel.
void Car::jeep_features() {
  const float half = d.width / 2;
  d.front.lamp.round = draw.chance(0.75);
  const float size = draw(0.17, 0.22);
  d.front.lamp.high = nose - 0.06f;
  d.front.lamp.low = d.front.lamp.high - size;
  d.front.lamp.inner = 0.62f;
  d.front.lamp.outer = 0.62f + size / half;
  d.front.grille_pattern = draw.chance(0.8) ? 2 : 3;
  d.front.grille_half = 0.55f * half;
  d.front.grille_high = nose - 0.03f;
  d.front.grille_low = nose - draw(0.26, 0.36);
  d.front.grille_chrome = false;
  d.front.light_bar = d.rear.light_bar = false;
  d.front.bumper_line = d.clearance + draw(0.24, 0.3);
  d.front.plastic_bumper = d.rear.plastic_bumper = true;
  d.rear.bumper_line = d.clearance + draw(0.2, 0.28);
  d.front.intake_half = 0;
  d.rear.lamp.inner = draw(0.78, 0.84);
  d.rear.lamp.wrap = 0.08f;
  d.spare_wheel = draw.chance(0.75);
  d.rack = draw.chance(0.35);
  d.trunk_from = 0;
}

void Car::pickup_features() {
  d.rear.lamp.inner = draw(0.82, 0.88);
  d.rear.light_bar = false;
  d.front.grille_high = nose - 0.02f;
  d.front.grille_low = nose - draw(0.25, 0.4);
  d.front.bumper_line = std::max(d.clearance + 0.2f, d.front.grille_low - 0.03f);
}

// Fuel cap, colours of the roof, what is mounted on the body, decals.
void Car::extras() {
  d.cap_s = d.axles[1] + draw(-0.1, 0.25);
  d.cap_z = std::min(tail_belt - 0.13f, wheel * 2 + 0.16f);
  if (jeep || pickup) d.cap_z = tail_belt - 0.16f;
  d.sunroof = draw.chance(0.3) && !jeep && !pickup;
  d.black_roof = draw.chance(suv ? 0.25 : 0.12);
  const float tone = draw(0, 1);
  d.two_tone = tone < 0.1f    ? VehicleDesign::kRoof
               : tone < 0.17f ? VehicleDesign::kLower
               : tone < 0.22f ? VehicleDesign::kHood
                              : VehicleDesign::kOne;
  d.rails = suv ? draw.chance(0.55) : hatch ? draw.chance(0.2) : false;
  d.spoiler = (hatch || suv) ? draw.chance(0.5) : sedan && draw.chance(0.15);
  d.aerial = draw.chance(jeep || pickup ? 0.5 : 0.2);
  d.one_mirror = draw.chance(0.04);
  add_decals(draw, d, d.doors.front() + 0.1f, d.doors.back() - 0.05f, mix(d.door_low, belt_front, draw(0.45, 0.65)),
             0.22f, 0.22);
}

}  // namespace

VehicleDesign draw_car(Draw& draw, const std::string& category) {
  Car car(draw, category);
  car.size_and_wheels();
  car.front_of_side_view();
  if (car.sedan)
    car.sedan_tail();
  else if (car.pickup)
    car.pickup_tail();
  else
    car.hatchback_tail();
  car.belt_and_underside();
  car.plan_view();
  car.roundings();
  car.front_and_rear_faces();
  car.doors_and_windows();
  set_lamps(draw, car.d, car.nose - 0.01f, car.rear_low, car.rear_high);
  if (car.jeep) car.jeep_features();
  if (car.pickup) car.pickup_features();
  car.extras();
  return std::move(car.d);
}

}  // namespace spinfill::synth
