// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "synth/vehicles/parts.h"

namespace spinfill::synth {
namespace {

void add_mirrors(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const bool tall = d.category == "bus" || d.category == "truck";
  const float s = d.windscreen_to > d.windscreen_from ? mix(d.windscreen_from, d.windscreen_to, 0.55f) : 0.12f;
  const float z = tall ? body.belt.at(s) + 0.35f : body.belt.at(s) + 0.1f;
  Mesh& shell = add_part(model, tall ? kDark : d.cladding ? kTrim : d.black_roof ? kSecond : kPaint);
  Mesh& stalk = add_part(model, kDark);
  Mesh& mirror = add_part(model, kMirrorGlass);
  for (const float side : {1.0f, -1.0f}) {
    if (d.one_mirror && side != d.driver_side) continue;
    const float y = side * (body.side_at(std::max(s, 0.1f), z) + 0.13f);
    const Vec3 centre(body.x_of(s), y, z);
    add_box(shell, centre, tall ? Vec3(0.06f, 0.11f, 0.22f) : Vec3(0.07f, 0.1f, 0.07f), 0.05f);
    add_panel(mirror, centre - Vec3(tall ? 0.062f : 0.071f, 0, 0), {0, -0.08f, 0}, {0, 0, tall ? 0.19f : 0.05f});
    add_tube(stalk, {centre, Vec3(centre.x() - 0.02f, y - side * 0.2f, z - 0.06f)}, 0.02f, 6);
  }
}

void add_door_handles(Model& model, const VehicleDesign& d) {
  Mesh& mesh = add_part(model, d.handle_chrome > 0.5f ? kChrome : kPaint);
  for (const float s : d.handles) {
    for (const float side : {1.0f, -1.0f}) {
      add_box(mesh, {d.body.x_of(s), side * (d.body.side_at(s, d.handle_z) + 0.008f), d.handle_z},
              {0.085f, 0.018f, 0.014f}, 0.012f);
    }
  }
}

// The rear one may sit off the middle.
void add_number_plates(Model& model, const VehicleDesign& d) {
  for (int rear = 0; rear < 2; ++rear) {
    const FaceDesign& face = rear == 1 ? d.rear : d.front;
    const float z = rear == 1 ? face.bumper_line + 0.12f : (face.intake_low + face.bumper_line) / 2 + 0.02f;
    const float w = 0.24f, h = 0.058f;
    Mesh& mesh = add_part(model, kPlate, rear);
    const float y = rear == 1 && !d.spare_wheel ? d.plate_offset * 0.4f : d.plate_offset;
    const float x = rear == 1 ? d.body.rear_at(y, z) - 0.012f : d.body.front_at(y, z) + 0.012f;
    add_box(mesh, {x, y, z}, {0.016f, w, h}, 0.008f);
  }
}

// Under the rear bumper.
void add_exhaust_pipes(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const float half = d.width / 2;
  Mesh& mesh = add_part(model, kChrome);
  const float s = body.length - 0.05f, z = body.bottom.at(s) + 0.015f;
  for (int i = 0; i < d.exhausts; ++i) {
    const float y = d.exhaust_side * (0.62f * half - 0.11f * static_cast<float>(i));
    std::vector<Vec3> path = {Vec3(body.x_of(s) + 0.3f, y, z), Vec3(body.rear_at(y, z) - 0.015f, y, z)};
    add_tube(mesh, path, 0.038f, 12);
  }
}

float roof_middle(const VehicleDesign& d) {
  return mix(d.windscreen_to, d.rear_window_to > d.rear_window_from ? d.rear_window_from : d.body.length, 0.5f);
}

float half_roof_width(const VehicleDesign& d) {
  const float half = d.width / 2;
  return 0.62f * half;
}

void add_roof_rails(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  Mesh& mesh = add_part(model, d.handle_chrome > 0.5f ? kChrome : kDark);
  const float roof_end = d.rear_window_to > d.rear_window_from ? d.rear_window_from : body.length - 0.1f;
  const float from = d.windscreen_to + 0.15f, to = std::max(from + 0.8f, roof_end - 0.15f);
  for (const float side : {1.0f, -1.0f}) {
    std::vector<Vec3> path;
    for (int i = 0; i <= 12; ++i) {
      const float t = static_cast<float>(i) / 12, s = mix(from, to, t);
      const float lift = 0.035f * smoothstep(0, 0.08f, t) * (1 - smoothstep(0.92f, 1, t));
      path.emplace_back(body.x_of(s), side * half_roof_width(d), body.top.at(s) - body.crown * 0.75f + lift);
    }
    add_tube(mesh, path, 0.018f, 8);
  }
}

// With luggage on one side.
void add_roof_rack(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  Mesh& mesh = add_part(model, kDark);
  const float roof_z = body.top.at(roof_middle(d));
  const float from = d.windscreen_to + 0.2f, to = mix(from, body.length, 0.75f);
  const float y = half_roof_width(d) * 0.95f;
  for (const float side : {1.0f, -1.0f}) {
    add_tube(mesh, {Vec3(body.x_of(from), side * y, roof_z + 0.1f), Vec3(body.x_of(to), side * y, roof_z + 0.1f)},
             0.018f);
  }
  for (int i = 0; i < 5; ++i) {
    const float x = body.x_of(mix(from, to, static_cast<float>(i) / 4));
    add_tube(mesh,
             {Vec3(x, -y, roof_z - 0.04f), Vec3(x, -y, roof_z + 0.1f), Vec3(x, y, roof_z + 0.1f),
              Vec3(x, y, roof_z - 0.04f)},
             0.014f);
  }
  add_box(add_part(model, kSecond), {body.x_of(mix(from, to, 0.4f)), d.cap_side * 0.4f * y, roof_z + 0.19f},
          {0.3f, 0.22f, 0.08f}, 0.03f);
}

void add_spoiler(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const float half = d.width / 2;
  const bool hatch = d.trunk_from <= 0;
  const float s = hatch ? d.rear_window_from + 0.02f : body.length - 0.22f;
  const float z = hatch ? body.top.at(s) - 0.01f : body.top.at(s) + 0.13f;
  Mesh& mesh = add_part(model, d.black_roof ? kDark : kPaint);
  add_box(mesh, {body.x_of(s), 0, z}, {hatch ? 0.1f : 0.13f, hatch ? 0.9f * half_roof_width(d) : 0.8f * half, 0.018f},
          0.016f);
  if (hatch) return;
  for (const float side : {1.0f, -1.0f})
    add_box(mesh, {body.x_of(s), side * 0.55f * half, z - 0.07f}, {0.05f, 0.015f, 0.07f}, 0.01f);
}

void add_aerial(Model& model, const VehicleDesign& d) {
  const BodyShape& body = d.body;
  const float half = d.width / 2, roof_s = roof_middle(d);
  const float s = d.cap_side > 0 ? roof_s + 0.3f : d.hood_to > d.hood_from ? d.hood_to - 0.1f : roof_s;
  const float y = d.exhaust_side * (d.cap_side > 0 ? 0.05f : 0.72f * half), z = body.top.at(s) - body.crown;
  add_tube(add_part(model, kDark), {Vec3(body.x_of(s), y, z), Vec3(body.x_of(s) - 0.16f, y, z + 0.42f)}, 0.008f, 6);
}

// Under the doors, on both sides.
void add_steps(Model& model, const VehicleDesign& d) {
  const float half = d.width / 2;
  Mesh& mesh = add_part(model, kDark);
  const float from = d.axles[0] + d.wheel.radius + 0.15f, to = d.axles[1] - d.wheel.radius - 0.15f;
  for (const float side : {1.0f, -1.0f}) {
    add_box(mesh, {d.body.x_of((from + to) / 2), side * (half - 0.02f), d.clearance + 0.02f},
            {(to - from) / 2, 0.07f, 0.03f}, 0.025f);
  }
}

}  // namespace

void add_fittings(Model& model, const VehicleDesign& d) {
  if (d.mirrors) add_mirrors(model, d);
  add_door_handles(model, d);
  add_number_plates(model, d);
  add_exhaust_pipes(model, d);
  if (d.rails) add_roof_rails(model, d);
  if (d.rack) add_roof_rack(model, d);
  if (d.spoiler) add_spoiler(model, d);
  if (d.aerial) add_aerial(model, d);
  const bool high = (d.category == "pickup" || d.category == "jeep") && d.clearance > 0.22f;
  if (high && d.axles.size() >= 2) add_steps(model, d);
}

}  // namespace spinfill::synth
