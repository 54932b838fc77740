// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "synth/vehicles/parts.h"

namespace spinfill::synth {

Mesh& add_part(Model& model, Kind kind, int index) {
  model.parts.push_back({});
  model.parts.back().kind = kind;
  model.parts.back().index = index;
  return model.parts.back().mesh;
}

void add_body(Model& model, const VehicleDesign& d) {
  add_part(model, kBody) = loft(d.body);
  const BodyShape& body = d.body;
  // Walls and floor of an open load bed.
  if (body.bed_to > body.bed_from) {
    const float rim = body.top.at((body.bed_from + body.bed_to) / 2), floor = body.bottom.at(body.bed_from) + 0.35f;
    const float half = body.half_width.at((body.bed_from + body.bed_to) / 2) - body.bed_wall;
    const float front = body.x_of(body.bed_from), rear = body.x_of(body.bed_to), mid_x = (front + rear) / 2,
                mid_z = (rim + floor) / 2;
    const float hx = (front - rear) / 2, hz = (rim - floor) / 2;
    Mesh& mesh = add_part(model, kTrim);
    add_panel(mesh, {mid_x, 0, floor}, {hx, 0, 0}, {0, half, 0});
    add_panel(mesh, {mid_x, half, mid_z}, {hx, 0, 0}, {0, 0, hz});
    add_panel(mesh, {mid_x, -half, mid_z}, {-hx, 0, 0}, {0, 0, hz});
    add_panel(mesh, {rear, 0, mid_z}, {0, half, 0}, {0, 0, hz});
    add_panel(mesh, {front, 0, mid_z}, {0, -half, 0}, {0, 0, hz});
  }
}

void add_interior(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const float belt = body.belt.at(d.windscreen_to), floor = body.bottom.at(d.windscreen_to) + 0.08f;
  const bool bus = d.category == "bus";
  const float first = bus || d.windscreen_to <= d.windscreen_from ? 0.9f : d.windscreen_to + 0.25f;
  const float last = d.windows.empty() ? first : d.windows.back().to - 0.35f;
  Mesh& seats = add_part(model, kSeat);
  const int rows = bus ? static_cast<int>((last - first) / 0.85f)
                       : std::max(1, std::min(3, 1 + static_cast<int>((last - first - 0.3f) / 0.9f)));
  for (int row = 0; row < rows; ++row) {
    const float s =
        first + 0.5f + (rows > 1 ? static_cast<float>(row) * (last - first - 0.35f) / static_cast<float>(rows - 1) : 0);
    const float x = body.x_of(std::min(s, last + 0.1f));
    for (const float side : {1.0f, -1.0f}) {
      const float y = side * 0.23f * d.width;
      add_box(seats, {x, y, (floor + belt) / 2}, {0.09f, 0.22f, (belt - floor) / 2 + 0.05f}, 0.06f);
      add_box(seats, {x - 0.02f, y, belt + 0.14f}, {0.05f, 0.13f, 0.08f}, 0.045f);
    }
  }
  Mesh& dark = add_part(model, kDark);
  if (d.windscreen_to > d.windscreen_from) {
    // Dashboard, and the steering wheel on the driver's side.
    const float s = mix(d.windscreen_from, d.windscreen_to, 0.75f);
    const float z = body.belt.at(s) - 0.03f;
    add_box(dark, {body.x_of(s), 0, z - 0.12f}, {0.25f, 0.4f * d.width, 0.12f}, 0.06f);
    std::vector<Vec3> ring;
    for (int i = 0; i <= 20; ++i) {
      const float a = 2 * kPi * static_cast<float>(i) / 20;
      ring.emplace_back(body.x_of(s + 0.33f) - 0.08f * std::sin(a),
                        d.driver_side * 0.22f * d.width + 0.18f * std::cos(a), z + 0.04f + 0.17f * std::sin(a));
    }
    add_tube(dark, ring, 0.014f, 6);
  }
}

}  // namespace spinfill::synth
