// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/face_surface.h"

#include <algorithm>
#include <cmath>

#include "synth/vehicles/materials.h"
#include "synth/vehicles/photo_face.h"

namespace spinfill::synth {
namespace {

// A point of a face and what its features need to know about it. Each feature returns its surface if it is there.
struct FacePoint {
  FacePoint(const VehicleDesign& design, const Point& point, bool at_front)
      : d(design),
        f(at_front ? design.front : design.rear),
        front(at_front),
        y(point.position.y()),
        z(point.position.z()),
        cap(std::abs(point.attribute.z())),
        along(at_front ? point.attribute.x() : design.body.length - point.attribute.x()),
        half(0.5f * design.width),
        share(std::abs(y) / half) {}

  std::optional<Surface> round_lamp() const;
  std::optional<Surface> long_lamp() const;
  Surface lamp_inside(float u, float v) const;
  std::optional<Surface> window() const;
  std::optional<Surface> grille() const;
  std::optional<Surface> intake_and_fog_lamps() const;
  std::optional<Surface> gaps() const;

  const VehicleDesign& d;
  const FaceDesign& f;
  const bool front;
  const float y, z, cap;  // cap: 1 on the face, 0 on the sides
  const float along;      // distance from the face along the body
  const float half, share;
};

// u, v in [0, 1]: inner → outer, low → high.
Surface FacePoint::lamp_inside(float u, float v) const {
  if (front) {
    // Two reflectors behind clear plastic, a daytime light below.
    const float cell = std::hypot((fraction(u * 2) - 0.5f) / 1.0f, v - 0.55f);
    if (v < 0.16f) {
      Surface s = gloss(Vec3(0.9f, 0.92f, 0.95f));
      s.emission = 0.5f;
      return s;
    }
    if (u > 0.88f) return gloss(Vec3(0.7f, 0.22f, 0.03f));
    if (cell < 0.3f) {
      Surface s = chrome(0.9f);
      s.emission = cell < 0.16f ? 0.35f : 0;
      return s;
    }
    Surface s = gloss(d.lamp_tint * 0.3f);
    s.metallic = 0.6f;
    s.roughness = 0.3f;
    return s;
  }
  if (between(0.35f, v, 0.55f) && u < 0.6f) return gloss(Vec3(0.75f, 0.72f, 0.7f));
  if (v <= 0.35f && u > 0.6f) return gloss(Vec3(0.6f, 0.16f, 0.02f));
  Surface s = gloss(Vec3(0.36f, 0.006f, 0.01f));
  s.emission = v > 0.7f ? 0.25f : 0.05f;
  return s;
}

std::optional<Surface> FacePoint::round_lamp() const {
  const Lamp& lamp = f.lamp;
  const float outer = std::min(lamp.outer, 1.0f);
  const float r = (lamp.high - lamp.low) / 2, cy = (lamp.inner + outer) / 2 * half, cz = (lamp.low + lamp.high) / 2;
  const float distance = std::hypot(std::abs(y) - cy, z - cz) / r;
  if (!(distance < 1) || !(along < 0.25f)) return std::nullopt;
  if (!front) return distance < 0.5f ? lamp_inside(0, 0.8f) : lamp_inside(0, 0.6f);
  if (distance > 0.85f) return chrome();
  Surface s = chrome(0.85f);
  s.emission = distance < 0.4f ? 0.4f : 0.05f;
  return s;
}

// It may reach around the corner, and a light bar may join the two.
std::optional<Surface> FacePoint::long_lamp() const {
  const Lamp& lamp = f.lamp;
  const float outer = std::min(lamp.outer, 1.0f);
  const float rise = lamp.rise * smoothstep(lamp.inner, outer, share);
  const float low = lamp.low + 0.6f * rise, high = lamp.high + rise;
  const bool in_face = share > lamp.inner && share < lamp.outer &&
                       along < lamp.wrap * (0.35f + 0.65f * (z - low) / std::max(0.02f, high - low));
  if (in_face && between(low, z, high)) {
    const float v = (z - low) / (high - low), u = (share - lamp.inner) / std::max(0.05f, outer - lamp.inner);
    const float border = std::min(std::min(v, 1 - v) * (high - low), u * (outer - lamp.inner) * half);
    if (border < 0.008f) return matt(Vec3::Constant(0.01f), 0.3f);
    if (!d.photo) return lamp_inside(std::min(1.0f, u), v);
    const float width = std::max(0.05f, outer - lamp.inner) * half;
    const LampPlace place{std::min(1.0f, u) * width, z - low, width, high - low};
    return front ? photo_front_lamp(d, place) : photo_tail_lamp(d, place);
  }
  if (f.light_bar && share <= lamp.inner &&
      between(lamp.low + 0.3f * (lamp.high - lamp.low), z, lamp.high - 0.1f * (lamp.high - lamp.low)) && cap > 0.5f) {
    Surface s = front ? gloss(Vec3::Constant(0.8f)) : gloss(Vec3(0.36f, 0.006f, 0.01f));
    s.emission = 0.15f;
    return s;
  }
  return std::nullopt;
}

// Of a bus, a cab-over truck, a jeep's back door.
std::optional<Surface> FacePoint::window() const {
  if (!(f.screen_high > f.screen_low && between(f.screen_low, z, f.screen_high) && share < f.screen_half)) {
    return std::nullopt;
  }
  const float border = std::min(std::min(z - f.screen_low, f.screen_high - z), (f.screen_half - share) * half);
  if (border < 0.035f) return matt(Vec3::Constant(0.01f), 0.3f);
  if (front && line(z, f.screen_low + 0.06f + 0.1f * (0.5f + y * d.driver_side / d.width), 0.012f))
    return matt(Vec3::Constant(0.01f));
  return glass(front ? d.glass_tint : d.rear_glass_tint);
}

std::optional<Surface> FacePoint::grille() const {
  if (!(f.grille_half > 0 && std::abs(y) < f.grille_half && between(f.grille_low, z, f.grille_high))) {
    return std::nullopt;
  }
  // Narrower below.
  const float v = (z - f.grille_low) / (f.grille_high - f.grille_low), reach = f.grille_half * (0.8f + 0.2f * v);
  if (!(std::abs(y) < reach)) return std::nullopt;
  const float border = std::min(std::min(z - f.grille_low, f.grille_high - z), reach - std::abs(y));
  const Surface dark = matt(Vec3::Constant(0.006f), 0.5f);
  const Surface bright = f.grille_chrome ? chrome() : gloss(Vec3::Constant(0.04f));
  if (border < 0.018f) return bright;
  if (d.photo) return photo_grille(d, y, z);
  if (std::hypot(y, (z - (f.grille_low + f.grille_high) / 2)) < 0.055f) return chrome();
  switch (f.grille_pattern) {
    case 0: return fraction(z / 0.045f) < 0.4f ? bright : dark;
    case 1: return fraction((y + z) / 0.05f) < 0.25f || fraction((y - z) / 0.05f) < 0.25f ? bright : dark;
    case 2: return fraction(y / 0.11f + 0.5f) < 0.45f ? (f.grille_chrome ? bright : painted(d.paint)) : dark;
    default: return line(v, 0.55f, 0.1f) ? bright : dark;
  }
}

std::optional<Surface> FacePoint::intake_and_fog_lamps() const {
  if (f.intake_half > 0 && std::abs(y) < f.intake_half && between(f.intake_low, z, f.intake_high)) {
    return fraction(z / 0.05f) < 0.25f ? matt(Vec3::Constant(0.03f), 0.4f) : matt(Vec3::Constant(0.006f), 0.5f);
  }
  if (!f.fog_lamps) return std::nullopt;
  const float distance = std::hypot(std::abs(y) - 0.72f * half, z - (f.intake_low + f.intake_high) / 2);
  if (distance < 0.05f) return front ? chrome(0.9f) : gloss(Vec3(0.4f, 0.01f, 0.01f));
  if (distance < 0.09f) return matt(Vec3::Constant(0.01f), 0.4f);
  return std::nullopt;
}

// Of the bumper and of the boot's lid.
std::optional<Surface> FacePoint::gaps() const {
  const bool of_bumper = line(z, f.bumper_line, d.gap_half);
  const bool of_lid = !front && d.trunk_from > 0 && line(share, 0.78f, 0.008f) && z > f.bumper_line;
  if (of_bumper || of_lid) return matt(Vec3::Constant(0.008f));
  return std::nullopt;
}

}  // namespace

std::optional<Surface> face_surface(const VehicleDesign& design, const Point& point, bool front) {
  const FacePoint at(design, point, front);
  if (const auto lamp = at.f.lamp.round ? at.round_lamp() : at.long_lamp()) return lamp;
  if (at.f.plastic_bumper && at.z < at.f.bumper_line && at.along < 0.5f) return matt(design.trim, 0.55f);
  if (at.cap < 0.5f) return std::nullopt;
  if (const auto window = at.window()) return window;
  if (design.photo) {
    if (const auto detail = photo_face_detail(design, front, at.y, at.z)) return detail;
  }
  if (const auto grille = at.grille()) return grille;
  if (const auto opening = at.intake_and_fog_lamps()) return opening;
  return at.gaps();
}

}  // namespace spinfill::synth
