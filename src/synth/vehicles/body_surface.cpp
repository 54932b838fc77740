// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/body_surface.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "synth/vehicles/face_surface.h"
#include "synth/vehicles/fitting_surface.h"
#include "synth/vehicles/materials.h"

namespace spinfill::synth {
namespace {

// A point of the body and what its features need to know about it. Each feature returns its surface there, if it covers
// the point.
struct BodyPoint {
  BodyPoint(const VehicleDesign& design, const Point& at)
      : d(design),
        point(at),
        s(at.attribute.x()),
        band(at.attribute.y()),
        cap(at.attribute.z()),
        y(at.position.y()),
        z(at.position.z()),
        side(y > 0 ? 1.0f : -1.0f) {}

  bool in_wheel_arch() const;
  std::optional<Surface> front_or_rear() const;
  std::optional<Surface> side_window() const;
  std::optional<Surface> roof_and_bonnet() const;
  std::optional<Surface> windscreen_or_rear_window(float across) const;
  std::optional<Surface> flank() const;
  std::optional<Surface> bus_door() const;
  bool on_door_gap(float arch_gap) const;
  Surface paint() const;

  // What is solid looks like trim from inside.
  Surface trim_inside(const Surface& outside) const {
    return point.inside && outside.transmission <= 0 ? matt(0.5f * d.seat + Vec3::Constant(0.01f), 0.8f) : outside;
  }
  Surface gap() const { return trim_inside(matt(Vec3::Constant(0.008f))); }
  // How much longer the roof line is there than its horizontal projection.
  float steepness() const {
    const float slope = (d.body.top.at(s + 0.04f) - d.body.top.at(s - 0.04f)) / 0.08f;
    return std::sqrt(1 + slope * slope);
  }

  const VehicleDesign& d;
  const Point& point;
  const float s, band, cap, y, z, side;
  float belt = 0, top = 0, steep = 1;  // belt and roof line at s
};

bool BodyPoint::in_wheel_arch() const {
  return std::ranges::any_of(d.body.arches, [&](const WheelArch& arch) {
    return std::abs(y) > 0.5f * d.width - d.wheel.width - 0.12f - arch.flare && z < arch.z + arch.radius &&
           std::hypot(s - arch.s, z - arch.z) < arch.radius;
  });
}

std::optional<Surface> BodyPoint::front_or_rear() const {
  if (cap > 0.5f || (s < d.front.lamp.wrap + 0.02f && band > 1)) {
    if (const auto face = face_surface(d, point, true)) return trim_inside(*face);
  }
  const float from_rear = d.body.length - s;
  if (cap < -0.5f || (from_rear < d.rear.lamp.wrap + 0.02f && band > 1)) {
    if (const auto face = face_surface(d, point, false)) return trim_inside(*face);
  }
  return std::nullopt;
}

// Between the pillars, which may be dark.
std::optional<Surface> BodyPoint::side_window() const {
  if (!between(2.95f, band, 4.02f) || !(top - belt > 0.12f)) return std::nullopt;
  const float high = top - d.body.crown - d.window_high * std::min(3.0f, steep), low = belt + d.window_low;
  if (!between(low, z, high)) return std::nullopt;
  bool framed = false;
  for (std::size_t i = 0; i < d.windows.size(); ++i) {
    const float lean = d.category == "bus" || d.category == "jeep" || d.category == "truck" ? 0.0f
                       : i + 1 == d.windows.size()                                          ? 0.25f
                                                                                            : 0.08f;
    const float at = s + (z - belt) * lean;
    if (!between(d.windows[i].from, at, d.windows[i].to)) {
      framed |= between(d.windows[i].from - 0.09f, at, d.windows[i].to + 0.02f) && i > 0;
      continue;
    }
    const float border =
        std::min(std::min(z - low, (high - z) / steep), std::min(at - d.windows[i].from, d.windows[i].to - at));
    if (border < 0.018f) return d.chrome_line && z - low < 0.018f ? chrome() : matt(Vec3::Constant(0.01f), 0.35f);
    return glass(i == 0 ? d.glass_tint : d.rear_glass_tint);
  }
  if (framed && d.dark_pillars) return trim_inside(gloss(Vec3::Constant(0.012f)));
  return std::nullopt;
}

// On the top's ramps.
std::optional<Surface> BodyPoint::windscreen_or_rear_window(float across) const {
  const auto screen = [&](float from, float to) -> int {  // 1: its border, 2: its glass
    if (to <= from || !between(from, s, to) || across < d.screen_edge) return 0;
    const float border = std::min(std::min(s - from, to - s) * steep, (across - d.screen_edge) * 0.6f);
    return border < 0.03f ? 1 : 2;
  };
  const int front = screen(d.windscreen_from, d.windscreen_to);
  const int rear = screen(d.rear_window_from, d.rear_window_to);
  if (front == 1 || rear == 1) return matt(Vec3::Constant(0.008f), 0.25f);
  if (front == 2) {
    // Wipers rest on the glass, the driver's one longer.
    const float base = s - d.windscreen_from;
    const float reach = y * d.driver_side;
    if (base > 0 && line(base * steep, 0.075f + 0.06f * (reach + 0.5f), 0.009f) && between(-0.62f, reach, 0.55f)) {
      return matt(Vec3::Constant(0.01f));
    }
    return glass(d.glass_tint);
  }
  if (rear == 2) return glass(d.rear_glass_tint);
  return std::nullopt;
}

std::optional<Surface> BodyPoint::roof_and_bonnet() const {
  if (!(band > std::min(4.03f, 4.1f + 0.9f * d.screen_edge)) || cap != 0) return std::nullopt;
  const float across = (band - 4.1f) / 0.9f;
  if (const auto screen = windscreen_or_rear_window(across)) return screen;
  if (d.sunroof && between(d.windscreen_to + 0.2f, s, d.windscreen_to + 0.95f) && across > 0.25f) {
    return gloss(Vec3::Constant(0.008f));
  }
  if (d.hood_to > d.hood_from && s < d.hood_to + 0.03f) {
    const bool edge = line(across, d.hood_edge, 0.012f) && between(d.hood_from, s, d.hood_to);
    const bool ends = (line(s, d.hood_from, 0.008f) || line(s, d.hood_to, 0.025f)) && across > d.hood_edge;
    if (edge || ends) return trim_inside(matt(Vec3::Constant(0.01f)));
  }
  if (d.trunk_from > 0 && line(s, d.trunk_from, 0.008f)) return trim_inside(matt(Vec3::Constant(0.01f)));
  return std::nullopt;
}

std::optional<Surface> BodyPoint::bus_door() const {
  if (side != d.door_side) return std::nullopt;
  for (const auto& door : d.glass_doors) {
    if (!between(door.from, s, door.to) || z < d.clearance + 0.12f) continue;
    const float middle = (door.from + door.to) / 2,
                border = std::min(std::min(s - door.from, door.to - s), std::abs(s - middle));
    return border < 0.035f || z < d.clearance + 0.2f ? matt(Vec3::Constant(0.015f), 0.4f) : glass(d.glass_tint);
  }
  return std::nullopt;
}

// On the line where a door shuts.
bool BodyPoint::on_door_gap(float arch_gap) const {
  if (d.doors.empty() || !(arch_gap > 0.015f)) return false;
  const float first = d.doors.front(), last = d.doors.back();
  for (const float at : d.doors) {
    const float curve = 0.05f * (1 - smoothstep(d.door_low, d.door_low + 0.25f, z));
    if (line(s + (at == first ? -curve : at == last ? curve : 0), at, d.gap_half) && z > d.door_low) return true;
  }
  if (line(z, d.door_low, d.gap_half) && between(first + 0.04f, s, last - 0.04f)) return true;
  if (d.body.arches.size() < 2 || d.category == "bus" || d.category == "truck") return false;
  // Rear door's edge along the wheel arch.
  const auto& arch = d.body.arches.back();
  return line(arch_gap, 0.05f, 0.006f) && s < arch.s && z < arch.z + 0.3f && last > arch.s - arch.radius;
}

std::optional<Surface> BodyPoint::flank() const {
  if (!(band > 0.95f && band < 3.02f) || cap != 0) return std::nullopt;
  float arch_gap = 1e9f;
  for (const auto& arch : d.body.arches) {
    arch_gap = std::min(arch_gap, std::hypot(s - arch.s, z - arch.z) - arch.radius);
  }
  if (d.cladding && (arch_gap < 0.075f || z < d.door_low + 0.03f)) return trim_inside(matt(d.trim, 0.6f));
  if (const auto door = bus_door()) return door;
  if (on_door_gap(arch_gap)) return gap();
  if (side == d.cap_side) {
    const float r = std::max(std::abs(s - d.cap_s) / 0.085f, std::abs(z - d.cap_z) / 0.075f);
    if (line(r, 1, 0.09f)) return gap();
  }
  if (const auto decal = decal_surface(d, point, s)) return trim_inside(*decal);
  if (d.chrome_line && line(z, d.door_low + 0.06f, 0.012f) && !d.doors.empty() &&
      between(d.doors.front(), s, d.doors.back()) && arch_gap > 0.05f) {
    return trim_inside(chrome(0.6f));
  }
  return std::nullopt;
}

Surface BodyPoint::paint() const {
  const bool roof = band > 3.9f && top - belt > 0.25f;
  if (d.black_roof && (roof || (band > 3.02f && top - belt > 0.2f))) return gloss(Vec3::Constant(0.01f));
  if (d.two_tone == VehicleDesign::kRoof && band > 3.0f && top - belt > 0.2f) return painted(d.second);
  if (d.two_tone == VehicleDesign::kLower && z < d.body.crease_height - 0.02f && band < 3) return painted(d.second);
  if (d.two_tone == VehicleDesign::kHood && band > 4.0f && between(0.1f, std::abs(y), 0.33f)) return painted(d.second);
  return painted(d.paint);
}

}  // namespace

Surface body_surface(const VehicleDesign& design, const Point& point) {
  BodyPoint at(design, point);
  if (at.in_wheel_arch()) {
    Surface open;
    open.cut = true;
    return open;
  }
  if (at.band < 0.9f && at.cap == 0) return matt(Vec3::Constant(0.01f), 0.9f);  // underside
  if (const auto face = at.front_or_rear()) return *face;
  at.belt = design.body.belt.at(at.s);
  at.top = design.body.top.at(at.s);
  at.steep = at.steepness();
  if (const auto window = at.side_window()) return *window;
  if (const auto top = at.roof_and_bonnet()) return *top;
  if (const auto flank = at.flank()) return *flank;
  return at.trim_inside(at.paint());
}

}  // namespace spinfill::synth
