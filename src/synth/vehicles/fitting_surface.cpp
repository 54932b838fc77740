// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/fitting_surface.h"

#include <cmath>

#include "synth/vehicles/materials.h"

namespace spinfill::synth {

namespace {

// Lettering on a side wall, twice around. It is read from outside on both sides of the vehicle, never mirrored.
bool tyre_lettering(const VehicleDesign& design, const Point& point, float radius) {
  const cv::Mat& mark = design.details.tyre_mark;
  if (mark.empty()) return false;
  const float outer = design.wheel.radius, rim = design.wheel.rim, height = 0.3f * (outer - rim);
  const float length = height * static_cast<float>(mark.cols) / static_cast<float>(mark.rows);
  // Wheels of the right side are mirrored ones; a spare wheel looks back and is not.
  const bool mirrored = std::abs(point.normal.y()) > std::abs(point.normal.x()) && point.position.y() < 0;
  const float along = (fraction(point.attribute.x() / kPi) - 0.5f) * kPi * radius * (mirrored ? -1.0f : 1.0f);
  return sampled(mark, 0.5f + along / length, 0.5f - (radius - mix(rim, outer, 0.58f)) / height) > 0.5f;
}

}  // namespace

Surface tyre_surface(const VehicleDesign& design, const Point& point) {
  const WheelDesign& wheel = design.wheel;
  if (design.photo && tyre_lettering(design, point, point.attribute.y())) return matt(Vec3::Constant(0.06f), 0.6f);
  // Raised lettering and grooves, barely visible.
  const float radius = point.attribute.y() / wheel.radius;
  const float tread = radius > 0.97f && fraction(point.attribute.x() * 30 / kPi) < 0.25f ? 0.5f : 1.0f;
  return matt(Vec3::Constant(0.022f * tread), 0.75f);
}

Surface rim_surface(const WheelDesign& w, const Point& point) {
  const float angle = point.attribute.x(), radius = point.attribute.y() / w.rim;
  Surface metal = painted(w.paint);
  metal.coat = 0.5f;
  if (radius > 0.9f) return metal;          // lip
  if (radius < 0.13f) return chrome(0.5f);  // cap
  if (radius < 0.26f) {
    const bool bolt = fraction(angle * 5 / (2 * kPi)) < 0.2f && between(0.17f, radius, 0.23f);
    return bolt ? matt(Vec3::Constant(0.05f), 0.3f) : metal;
  }
  Surface hole;
  hole.cut = true;
  const float turn = angle * static_cast<float>(w.spokes) / (2 * kPi) + w.twist * radius;
  const float off =
      std::abs(fraction(turn) - 0.5f) * 2 * kPi / static_cast<float>(w.spokes) * radius;  // from the spoke
  switch (w.style) {
    case 0: return off < 0.16f - 0.05f * radius ? metal : hole;
    case 1: return off < 0.2f + 0.06f * radius && (off > 0.05f || radius < 0.5f) ? metal : hole;
    case 2: return off < 0.1f && between(0.6f, radius, 0.8f) ? hole : metal;
    case 3: return off < 0.055f + 0.02f * radius ? metal : hole;
    default: return std::hypot(off, 1.2f * (radius - 0.7f)) < 0.09f ? hole : metal;
  }
}

Surface spoke_surface(const VehicleDesign& design, const Point& point) {
  const bool face = std::abs(point.attribute.x()) < 0.8f;
  if (!design.details.machined) {
    Surface s = painted(design.wheel.paint);
    s.coat = 0.5f;
    return s;
  }
  if (!face) return gloss(Vec3::Constant(0.02f));
  Surface s = matt(Vec3::Constant(0.7f), 0.22f);
  s.metallic = 1;
  return s;
}

Surface disc_surface(const WheelDesign& wheel, const Point& point) {
  const float radius = point.attribute.y() / wheel.rim;
  if (radius < 0.37f) return matt(Vec3::Constant(0.06f), 0.5f);
  // Turned grooves; a few slots.
  const float slot = fraction((point.attribute.x() + 0.9f * radius) * 12 / (2 * kPi));
  Surface s = matt(Vec3::Constant(slot < 0.05f ? 0.15f : 0.42f + 0.05f * std::sin(260 * radius)), 0.3f);
  s.metallic = 1;
  return s;
}

Surface plate_surface(const Paint& plate, const cv::Mat& text, float facing, const Point& point) {
  if (std::abs(point.normal.x()) < 0.7f) return matt(Vec3::Constant(0.02f));
  // Read from outside: on the front plate text runs from the vehicle's right to its left.
  const float u = 0.5f + 0.5f * facing * point.attribute.y(), v = 0.5f - 0.5f * point.attribute.z();
  if (u < 0.02f || u > 0.98f || v < 0.07f || v > 0.93f) return matt(Vec3::Constant(0.02f), 0.4f);
  const float ink = sampled(text, (u - 0.08f) / 0.84f, (v - 0.2f) / 0.6f);
  const bool dark = plate.colour.mean() < 0.3f;
  return matt(mix(plate.colour, Vec3::Constant(dark ? 0.85f : 0.02f), ink), 0.4f);
}

std::optional<Surface> decal_surface(const VehicleDesign& design, const Point& point, float s) {
  for (const auto& decal : design.decals) {
    if (point.position.y() * decal.side <= 0 || point.inside) continue;
    const float dz = (point.position.z() - decal.z) / decal.half_height;
    const float ds = (s - decal.s + decal.slant * (point.position.z() - decal.z)) / decal.half_length;
    if (std::abs(dz) > 1 || std::abs(ds) > 1) continue;
    float ink = 0;
    switch (decal.kind) {
      // On the left side the front is to the left of the picture, on the right side to its right.
      case Decal::kText: ink = sampled(decal.mask, 0.5f + 0.5f * decal.side * ds, 0.5f - 0.5f * dz); break;
      case Decal::kDisc: ink = std::hypot(ds, dz) < 1 ? 1.0f : 0.0f; break;
      case Decal::kStripe: ink = 1; break;
      case Decal::kDiamond: ink = std::abs(ds) + std::abs(dz) < 1 ? 1.0f : 0.0f; break;
    }
    if (ink < 0.5f) continue;
    return gloss(decal.colour);
  }
  return std::nullopt;
}

Surface cargo_surface(const VehicleDesign& d, const Point& point) {
  const float s = d.body.front_x - point.position.x(), z = point.position.z(), y = point.position.y();
  const Vec3 n = point.normal;
  if (d.cargo == VehicleDesign::kBoxCargo) {
    if (std::abs(n.y()) > 0.7f) {
      if (const auto decal = decal_surface(d, point, s)) return *decal;
    }
    if (std::abs(n.y()) > 0.7f && z < d.cargo_low + 0.09f) return matt(Vec3::Constant(0.25f), 0.4f);
    if (n.x() < -0.7f) {
      // Rear doors with bars on one leaf.
      if (line(y, 0, 0.012f) || std::abs(y) > d.width / 2 - 0.07f || z > d.cargo_high - 0.07f ||
          z < d.cargo_low + 0.1f) {
        return matt(Vec3::Constant(0.03f), 0.5f);
      }
      if (line(y, 0.3f, 0.018f) || line(y, 0.75f, 0.018f)) return chrome(0.5f);
    }
    if (std::abs(n.y()) > 0.7f && fraction(s / 0.6f) < 0.02f) {
      Surface seam = painted(d.cargo_paint);
      seam.albedo *= 0.5f;
      return seam;
    }
  }
  Surface paint = painted(d.cargo_paint);
  paint.coat = 0.6f;
  return paint;
}

}  // namespace spinfill::synth
