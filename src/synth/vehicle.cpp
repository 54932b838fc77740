// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicle.h"

#include <cmath>
#include <numbers>

#include <opencv2/imgproc.hpp>

namespace spinfill::synth {

constexpr float kPi = std::numbers::pi_v<float>;

cv::Mat text_mask(const std::string& text, int height, bool bold) {
  const int face = cv::FONT_HERSHEY_DUPLEX, thickness = bold ? 9 : 5;
  int base = 0;
  const cv::Size size = cv::getTextSize(text, face, 3.0, thickness, &base);
  cv::Mat canvas = cv::Mat::zeros(size.height + 40, size.width + 40, CV_8U);
  cv::putText(canvas, text, {20, size.height + 20}, face, 3.0, 255, thickness, cv::LINE_AA);
  const cv::Rect ink = cv::boundingRect(canvas);
  if (ink.empty()) return {};
  cv::Mat out;
  cv::resize(canvas(ink), out, {std::max(1, ink.width * height / ink.height), height}, 0, 0, cv::INTER_AREA);
  return out;
}

Vehicle::Vehicle(VehicleDesign design) : design_(std::move(design)) {
  category = design_.category;
  plate_mask_ = text_mask(design_.plate_text, 64, true);
  add_body();
  add_wheels();
  add_interior();
  add_fittings();
  add_cargo();
}

Part& Vehicle::add(Kind kind, int index) {
  parts.push_back({});
  parts.back().kind = kind;
  parts.back().index = index;
  return parts.back();
}

void Vehicle::add_body() {
  add(kBody).mesh = loft(design_.body);
  const BodyShape& body = design_.body;
  // Walls and floor of an open load bed.
  if (body.bed_to > body.bed_from) {
    const float rim = body.top.at((body.bed_from + body.bed_to) / 2), floor = body.bottom.at(body.bed_from) + 0.35f;
    const float half = body.half_width.at((body.bed_from + body.bed_to) / 2) - body.bed_wall;
    const float front = body.x_of(body.bed_from), rear = body.x_of(body.bed_to), mid_x = (front + rear) / 2,
                mid_z = (rim + floor) / 2;
    const float hx = (front - rear) / 2, hz = (rim - floor) / 2;
    Mesh& mesh = add(kTrimKind).mesh;
    add_panel(mesh, {mid_x, 0, floor}, {hx, 0, 0}, {0, half, 0});
    add_panel(mesh, {mid_x, half, mid_z}, {hx, 0, 0}, {0, 0, hz});
    add_panel(mesh, {mid_x, -half, mid_z}, {-hx, 0, 0}, {0, 0, hz});
    add_panel(mesh, {rear, 0, mid_z}, {0, half, 0}, {0, 0, hz});
    add_panel(mesh, {front, 0, mid_z}, {0, -half, 0}, {0, 0, hz});
  }
}

void Vehicle::add_wheels() {
  const WheelDesign& w = design_.wheel;
  const float half = design_.width / 2;
  const auto wheel = [&](float s, float side, float outer) {
    // Built for the left side, around its outer face y = 0.
    const float x = design_.body.x_of(s);
    const Vec3 centre(0, 0, 0);
    Mesh tyre, rim, dark, brake;
    const float R = w.radius, r = w.rim, width = w.width, round = std::min(0.03f, 0.35f * (R - r));
    add_lathe(tyre, centre,
              {{r * 0.98f, -width},
               {r * 1.02f, -width},
               {(R + r) / 2, -width - 0.01f},
               {R - round, -width + 0.005f},
               {R, -width + round},
               {R, -round},
               {R - round, -0.005f},
               {(R + r) / 2, 0.008f},
               {r * 1.02f, -0.004f},
               {r * 0.98f, -0.03f}},
              40);
    add_lathe(rim, centre,
              {{r, -0.012f},
               {r * 0.93f, -0.004f},
               {r * 0.9f, -0.02f},
               {r * 0.5f, -0.035f},
               {r * 0.15f, -0.03f},
               {0.001f, -0.025f}},
              40);
    add_lathe(dark, centre, {{r * 0.985f, -0.01f}, {r * 0.96f, -width * 0.9f}, {0.001f, -width * 0.9f}}, 24);
    add_lathe(brake, centre, {{r * 0.72f, -0.11f}, {r * 0.72f, -0.09f}, {0.001f, -0.09f}}, 24);
    const Vec3 place(x, outer, w.radius);
    for (auto* mesh : {&tyre, &rim, &dark, &brake}) {
      mesh->translate(place);
      if (side < 0) mesh->mirror_y();
    }
    // One part each for all wheels.
    parts[parts.size() - 4].mesh.append(tyre);
    parts[parts.size() - 3].mesh.append(rim);
    parts[parts.size() - 2].mesh.append(dark);
    parts[parts.size() - 1].mesh.append(brake);
  };
  add(kTyre);
  add(kRim);
  add(kLinerKind);
  add(kBrake);
  for (std::size_t i = 0; i < design_.axles.size(); ++i) {
    const float s = design_.axles[i];
    for (const float side : {1.0f, -1.0f}) {
      const float outer = half - 0.025f;
      wheel(s, side, outer);
      if (design_.dual_rear && i > 0) wheel(s, side, outer - w.width - 0.02f);
    }
  }
  if (design_.spare_wheel) {
    // On the back, off the middle.
    Mesh all[3];
    const float R = w.radius, r = w.rim;
    add_lathe(all[0], Vec3::Zero(),
              {{r, -w.width},
               {R - 0.03f, -w.width},
               {R, -w.width + 0.03f},
               {R, -0.03f},
               {R - 0.03f, 0},
               {r, 0},
               {r * 0.98f, -0.03f}},
              36);
    add_lathe(all[1], Vec3::Zero(), {{r, -0.012f}, {r * 0.9f, -0.02f}, {r * 0.5f, -0.035f}, {0.001f, -0.025f}}, 36);
    add_lathe(all[2], Vec3::Zero(), {{r * 0.99f, -0.05f}, {0.001f, -0.05f}}, 24);
    const Vec3 place(design_.body.x_of(design_.body.length) - w.width * 0.95f,
                     design_.plate_offset > 0 ? -0.18f : 0.18f, 0.95f + 0.08f * design_.height);
    const int base = static_cast<int>(parts.size()) - 4;
    for (int k = 0; k < 3; ++k) {
      for (auto* list : {&all[k].position, &all[k].normal}) {
        for (auto& p : *list) p = Vec3(-p.y(), p.x(), p.z());  // axis from +Y to −X
      }
      all[k].translate(place);
      parts[static_cast<std::size_t>(base + k)].mesh.append(all[k]);
    }
  }
  // Wheel wells: dark half cylinders with an inner wall.
  Mesh& liner = add(kLinerKind).mesh;
  for (const auto& arch : design_.body.arches) {
    for (const float side : {1.0f, -1.0f}) {
      Grid grid;
      const float inner = half - w.width - 0.16f, radius = arch.radius + 0.004f;
      grid.rows = 3;
      grid.columns = 19;
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 19; ++column) {
          const float angle = kPi * (-0.12f + 1.24f * static_cast<float>(column) / 18);
          const float s = arch.s - radius * std::cos(angle), z = arch.z + radius * std::sin(angle);
          const float outer = std::max(inner + 0.02f, design_.body.side_at(s, z) - 0.006f);
          const float y = row == 2 ? outer : inner, shrink = row == 0 ? 0.0f : 1.0f;
          grid.position.emplace_back(design_.body.x_of(mix(arch.s, s, shrink)), side * y, mix(arch.z, z, shrink));
          grid.attribute.push_back(Vec3::Zero());
        }
      }
      add_grid(liner, grid);
    }
  }
}

void Vehicle::add_interior() {
  const VehicleDesign& d = design_;
  const BodyShape& body = d.body;
  const float belt = body.belt.at(d.windscreen_to), floor = body.bottom.at(d.windscreen_to) + 0.08f;
  const bool bus = d.category == "bus";
  const float first = bus || d.windscreen_to <= d.windscreen_from ? 0.9f : d.windscreen_to + 0.25f;
  const float last = d.windows.empty() ? first : d.windows.back().to - 0.35f;
  Mesh& seats = add(kSeat).mesh;
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
  Mesh& dark = add(kDark).mesh;
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

void Vehicle::add_fittings() {
  const VehicleDesign& d = design_;
  const BodyShape& body = d.body;
  const float half = d.width / 2;
  // Mirrors.
  if (d.mirrors) {
    const bool tall = d.category == "bus" || d.category == "truck";
    const float s = d.windscreen_to > d.windscreen_from ? mix(d.windscreen_from, d.windscreen_to, 0.55f) : 0.12f;
    const float z = tall ? body.belt.at(s) + 0.35f : body.belt.at(s) + 0.1f;
    Mesh& shell = add(tall ? kDark : d.cladding ? kTrimKind : d.black_roof ? kSecond : kPaint).mesh;
    Mesh mirror_mesh;
    const int shell_index = static_cast<int>(parts.size()) - 1;
    Mesh& stalk = add(kDark).mesh;
    for (const float side : {1.0f, -1.0f}) {
      if (d.one_mirror && side != d.driver_side) continue;
      const float y = side * (body.side_at(std::max(s, 0.1f), z) + 0.13f);
      const Vec3 centre(body.x_of(s), y, z);
      add_box(parts[static_cast<std::size_t>(shell_index)].mesh, centre,
              tall ? Vec3(0.06f, 0.11f, 0.22f) : Vec3(0.07f, 0.1f, 0.07f), 0.05f);
      add_panel(mirror_mesh, centre - Vec3(tall ? 0.062f : 0.071f, 0, 0), {0, -0.08f, 0}, {0, 0, tall ? 0.19f : 0.05f});
      add_tube(parts.back().mesh, {centre, Vec3(centre.x() - 0.02f, y - side * 0.2f, z - 0.06f)}, 0.02f, 6);
    }
    (void)shell;
    (void)stalk;
    add(kMirrorGlass).mesh = mirror_mesh;
  }
  // Door handles.
  {
    Mesh& mesh = add(d.handle_chrome > 0.5f ? kChrome : kPaint).mesh;
    for (const float s : d.handles) {
      for (const float side : {1.0f, -1.0f}) {
        add_box(mesh, {body.x_of(s), side * (body.side_at(s, d.handle_z) + 0.008f), d.handle_z},
                {0.085f, 0.018f, 0.014f}, 0.012f);
      }
    }
  }
  // Number plates; the rear one may sit off the middle.
  for (int rear = 0; rear < 2; ++rear) {
    const FaceDesign& face = rear == 1 ? d.rear : d.front;
    const float z = rear == 1 ? face.bumper_line + 0.12f : (face.intake_low + face.bumper_line) / 2 + 0.02f;
    const float w = 0.24f, h = 0.058f;
    Mesh& mesh = add(kPlate, rear).mesh;
    const float y = rear == 1 && !d.spare_wheel ? d.plate_offset * 0.4f : d.plate_offset;
    const float x = rear == 1 ? body.rear_at(y, z) - 0.012f : body.front_at(y, z) + 0.012f;
    add_box(mesh, {x, y, z}, {0.016f, w, h}, 0.008f);
  }
  // Exhaust pipes under the rear bumper.
  {
    Mesh& mesh = add(kChrome).mesh;
    const float s = body.length - 0.05f, z = body.bottom.at(s) + 0.015f;
    for (int i = 0; i < d.exhausts; ++i) {
      const float y = d.exhaust_side * (0.62f * half - 0.11f * static_cast<float>(i));
      std::vector<Vec3> path = {Vec3(body.x_of(s) + 0.3f, y, z), Vec3(body.rear_at(y, z) - 0.015f, y, z)};
      add_tube(mesh, path, 0.038f, 12);
    }
  }
  const float roof_s =
      mix(d.windscreen_to, d.rear_window_to > d.rear_window_from ? d.rear_window_from : body.length, 0.5f);
  const float roof_z = body.top.at(roof_s);
  const float roof_half = 0.62f * half;
  if (d.rails) {
    Mesh& mesh = add(d.handle_chrome > 0.5f ? kChrome : kDark).mesh;
    const float from = d.windscreen_to + 0.15f,
                to =
                    std::max(from + 0.8f,
                             (d.rear_window_to > d.rear_window_from ? d.rear_window_from : body.length - 0.1f) - 0.15f);
    for (const float side : {1.0f, -1.0f}) {
      std::vector<Vec3> path;
      for (int i = 0; i <= 12; ++i) {
        const float t = static_cast<float>(i) / 12, s = mix(from, to, t);
        const float lift = 0.035f * smoothstep(0, 0.08f, t) * (1 - smoothstep(0.92f, 1, t));
        path.emplace_back(body.x_of(s), side * roof_half, body.top.at(s) - body.crown * 0.75f + lift);
      }
      add_tube(mesh, path, 0.018f, 8);
    }
  }
  if (d.rack) {
    Mesh& mesh = add(kDark).mesh;
    const float from = d.windscreen_to + 0.2f, to = mix(from, body.length, 0.75f);
    const float y = roof_half * 0.95f;
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
    // Luggage on one side.
    add_box(add(kSecond).mesh, {body.x_of(mix(from, to, 0.4f)), d.cap_side * 0.4f * y, roof_z + 0.19f},
            {0.3f, 0.22f, 0.08f}, 0.03f);
  }
  if (d.spoiler) {
    const bool hatch = d.trunk_from <= 0;
    const float s = hatch ? d.rear_window_from + 0.02f : body.length - 0.22f;
    const float z = hatch ? body.top.at(s) - 0.01f : body.top.at(s) + 0.13f;
    Mesh& mesh = add(d.black_roof ? kDark : kPaint).mesh;
    add_box(mesh, {body.x_of(s), 0, z}, {hatch ? 0.1f : 0.13f, hatch ? 0.9f * roof_half : 0.8f * half, 0.018f}, 0.016f);
    if (!hatch) {
      for (const float side : {1.0f, -1.0f})
        add_box(mesh, {body.x_of(s), side * 0.55f * half, z - 0.07f}, {0.05f, 0.015f, 0.07f}, 0.01f);
    }
  }
  if (d.aerial) {
    const float s = d.cap_side > 0 ? roof_s + 0.3f : d.hood_to > d.hood_from ? d.hood_to - 0.1f : roof_s;
    const float y = d.exhaust_side * (d.cap_side > 0 ? 0.05f : 0.72f * half), z = body.top.at(s) - body.crown;
    add_tube(add(kDark).mesh, {Vec3(body.x_of(s), y, z), Vec3(body.x_of(s) - 0.16f, y, z + 0.42f)}, 0.008f, 6);
  }
  // Steps under the doors of high vehicles, on both sides; a tool box or tank on one.
  if ((d.category == "pickup" || d.category == "jeep") && d.clearance > 0.22f && d.axles.size() >= 2) {
    Mesh& mesh = add(kDark).mesh;
    const float from = d.axles[0] + d.wheel.radius + 0.15f, to = d.axles[1] - d.wheel.radius - 0.15f;
    for (const float side : {1.0f, -1.0f}) {
      add_box(mesh, {body.x_of((from + to) / 2), side * (half - 0.02f), d.clearance + 0.02f},
              {(to - from) / 2, 0.07f, 0.03f}, 0.025f);
    }
  }
}

void Vehicle::add_cargo() {
  const VehicleDesign& d = design_;
  if (d.cargo == VehicleDesign::kNoCargo) return;
  const BodyShape& body = d.body;
  const float half = d.width / 2, length = d.total_length - d.cargo_from;
  const float x = body.x_of(d.cargo_from + length / 2);
  // Frame, mudguards, and a tank on one side only.
  Mesh& dark = add(kDark).mesh;
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
  Mesh& tank = add(kChrome).mesh;
  add_tube(tank,
           {Vec3(body.x_of(tank_s - 0.4f), d.cap_side * (half - 0.35f), 0.62f),
            Vec3(body.x_of(tank_s - 0.399f), d.cap_side * (half - 0.35f), 0.62f),
            Vec3(body.x_of(tank_s + 0.4f), d.cap_side * (half - 0.35f), 0.62f)},
           0.24f, 20);
  add_box(dark, {body.x_of(tank_s), -d.cap_side * (half - 0.3f), 0.62f}, {0.22f, 0.2f, 0.17f}, 0.02f);
  // Tail lamps and rear bumper bar.
  Mesh& lamps = add(kTailLamp).mesh;
  for (const float side : {1.0f, -1.0f}) {
    add_box(lamps, {body.x_of(d.total_length) + 0.03f, side * (half - 0.25f), d.cargo_low - 0.16f},
            {0.04f, 0.17f, 0.06f}, 0.01f);
  }
  Mesh& cargo = add(kCargoKind).mesh;
  switch (d.cargo) {
    case VehicleDesign::kBoxCargo:
      add_box(cargo, {x, 0, (d.cargo_low + d.cargo_high) / 2}, {length / 2, half, (d.cargo_high - d.cargo_low) / 2},
              0.03f);
      break;
    case VehicleDesign::kFlatbed: {
      add_box(add(kWood).mesh, {x, 0, d.cargo_low + 0.05f}, {length / 2, half, 0.06f}, 0.01f);
      Mesh& walls = parts[parts.size() - 2].mesh;
      const float wall = 0.5f * std::min(0.5f, d.cargo_high - d.cargo_low);
      for (const float side : {1.0f, -1.0f})
        add_box(walls, {x, side * (half - 0.025f), d.cargo_low + wall}, {length / 2, 0.025f, wall}, 0.01f);
      add_box(walls, {body.x_of(d.total_length) + 0.025f, 0, d.cargo_low + wall}, {0.025f, half, wall}, 0.01f);
      add_box(walls, {body.x_of(d.cargo_from) - 0.03f, 0, d.cargo_low + 2 * wall}, {0.03f, half, 2 * wall}, 0.01f);
      // Freight, not in the middle.
      add_box(add(kWood).mesh, {x + 0.2f * length, 0.3f * half * d.driver_side, d.cargo_low + 0.42f},
              {0.16f * length, 0.55f * half, 0.34f}, 0.02f);
      add_box(add(kSecond).mesh, {x - 0.22f * length, -0.35f * half * d.driver_side, d.cargo_low + 0.33f},
              {0.12f * length, 0.45f * half, 0.25f}, 0.02f);
      break;
    }
    case VehicleDesign::kTank: {
      const float radius = std::min(half, (d.cargo_high - d.cargo_low) / 2);
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
        for (auto& p : *list) p = Vec3(p.y(), -p.x(), p.z());
      }
      drum.translate({x, 0, d.cargo_low + radius});
      cargo.append(drum);
      Mesh& fittings = add(kDark).mesh;
      for (int i = 0; i < 3; ++i)
        add_box(fittings, {x + length * (0.3f * static_cast<float>(i) - 0.3f), 0, d.cargo_low + 2 * radius + 0.03f},
                {0.2f, 0.2f, 0.06f}, 0.03f);
      add_tube(fittings,
               {Vec3(body.x_of(d.total_length) - 0.02f, d.driver_side * 0.5f * radius, d.cargo_low),
                Vec3(body.x_of(d.total_length) - 0.02f, d.driver_side * 0.5f * radius, d.cargo_low + 2 * radius)},
               0.02f);
      break;
    }
    default: break;
  }
}

}  // namespace spinfill::synth
