// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/photo_face.h"

#include <algorithm>
#include <cmath>

#include "synth/vehicles/materials.h"

namespace spinfill::synth {
namespace {

Surface lit(const Vec3& colour, float emission) {
  Surface s = gloss(colour);
  s.emission = emission;
  return s;
}

// Distance from a line of a running light, in metres.
float day_light_distance(int kind, const LampPlace& at) {
  const float below = std::abs(at.up - 0.16f * at.height), above = std::abs(at.up - 0.86f * at.height);
  const float inner = std::abs(at.across - 0.1f * at.width);
  switch (kind) {
    case 0: return below;
    case 1: return above;
    case 2: return std::min(below, inner);
    default: return 1;
  }
}

}  // namespace

Surface photo_front_lamp(const VehicleDesign& design, const LampPlace& at) {
  const PhotoDetails& d = design.details;
  if (day_light_distance(d.day_light, at) < 0.05f * at.height) return lit(Vec3(0.9f, 0.92f, 0.95f), 0.7f);
  if (at.across > 0.9f * at.width && at.up > 0.3f * at.height) return gloss(Vec3(0.6f, 0.2f, 0.03f));
  const float radius = std::min(0.34f * at.height, 0.2f * at.width);
  for (int i = 0; i < d.lenses; ++i) {
    const float x = at.width * (0.27f + 0.33f * static_cast<float>(i)),
                z = at.height * (0.5f + 0.06f * static_cast<float>(i));
    const float distance = std::hypot(at.across - x, at.up - z) / radius;
    if (distance > 1.25f) continue;
    if (d.day_light == 3 && between(1.05f, distance, 1.2f)) return lit(Vec3(0.9f, 0.92f, 0.95f), 0.7f);
    if (distance > 1) return chrome(0.5f);
    // The lens: clear glass before a dark barrel, its upper part mirrors the sky.
    if (distance > 0.82f) return chrome(0.85f);
    Surface lens = gloss(Vec3(0.05f, 0.055f, 0.065f) * (1.2f + (at.up - z) / radius));
    lens.emission = distance < 0.25f ? 4.0f : 0;
    return lens;
  }
  // Bezel: dark, with a bright step and fine ribs.
  if (fraction(at.across / 0.012f) < 0.18f && at.up < 0.45f * at.height) return matt(Vec3::Constant(0.07f), 0.3f);
  Surface bezel = gloss(design.lamp_tint * mix(0.04f, 0.3f, smoothstep(0.3f, 0.9f, at.up / at.height)));
  bezel.metallic = 0.5f;
  bezel.roughness = 0.25f;
  return bezel;
}

Surface photo_tail_lamp(const VehicleDesign& design, const LampPlace& at) {
  const float u = at.across / at.width, v = at.up / at.height;
  if (v < 0.24f && u < 0.45f) return gloss(Vec3(0.72f, 0.7f, 0.68f));   // reversing light
  if (v < 0.24f && u > 0.55f) return gloss(Vec3(0.55f, 0.17f, 0.02f));  // indicator
  bool guide = false;
  switch (design.details.tail) {
    case 0: guide = fraction(at.up / 0.045f) < 0.28f; break;
    case 1: guide = line(v, 0.85f, 0.06f) || line(v, 0.35f, 0.06f) || u > 0.86f; break;
    default: guide = std::hypot(fraction(at.across / 0.03f) - 0.5f, fraction(at.up / 0.03f) - 0.5f) < 0.3f;
  }
  if (guide) return lit(Vec3(0.55f, 0.012f, 0.015f), 0.5f);
  Surface s = gloss(Vec3(0.13f, 0.003f, 0.005f));
  s.metallic = 0.4f;
  return s;
}

Surface photo_grille(const VehicleDesign& design, float y, float z) {
  const FaceDesign& f = design.front;
  const float pitch = design.details.bar_pitch;
  const Surface bright = f.grille_chrome ? chrome(0.6f) : gloss(Vec3::Constant(0.02f));
  // Each bar is bright above and dark below; what lies between is the dark behind it.
  const auto shaded = [&](float t, float width) {
    Surface s = t < width ? bright : matt(Vec3::Constant(0.004f), 0.6f);
    if (t < 0.4f * width) s.albedo *= 0.3f;
    return s;
  };
  switch (f.grille_pattern) {
    case 0: return shaded(fraction(z / pitch), 0.45f);
    case 1: {
      const float a = fraction((y + z) / pitch), b = fraction((y - z) / pitch);
      return std::min(a, b) < 0.3f ? shaded(std::min(a, b), 0.3f) : matt(Vec3::Constant(0.004f), 0.6f);
    }
    case 2:
      return fraction(y / (2.6f * pitch) + 0.5f) < 0.45f ? (f.grille_chrome ? bright : painted(design.paint))
                                                         : matt(Vec3::Constant(0.004f), 0.6f);
    default: {  // honeycomb: rows of points, every second one moved
      const float row = std::floor(z / pitch), x = fraction(y / pitch + 0.5f * (row - 2 * std::floor(row / 2)));
      return std::hypot(x - 0.5f, fraction(z / pitch) - 0.5f) < 0.36f ? matt(Vec3::Constant(0.004f), 0.6f) : bright;
    }
  }
}

namespace {

std::optional<Surface> badge_at(const VehicleDesign& design, bool front, float y, float z) {
  for (const Badge& badge : design.details.badges) {
    if (badge.front != front) continue;
    // Seen from outside, the front's left is the vehicle's right.
    const float u = (front ? y - badge.y : badge.y - y) / badge.half_length, v = (badge.z - z) / badge.half_height;
    if (badge.ring) {
      const float distance = std::hypot(u, v);
      if (between(0.86f, distance, 1)) return chrome(0.8f);
      if (distance < 0.86f)
        return sampled(badge.mask, 0.5f + 0.8f * u, 0.5f + 0.8f * v) > 0.5f ? chrome(0.8f)
                                                                            : gloss(Vec3::Constant(0.02f));
    } else if (std::abs(u) < 1 && std::abs(v) < 1 && sampled(badge.mask, 0.5f + 0.5f * u, 0.5f + 0.5f * v) > 0.5f) {
      return chrome(0.7f);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Surface> photo_face_detail(const VehicleDesign& design, bool front, float y, float z) {
  const FaceDesign& f = front ? design.front : design.rear;
  const PhotoDetails& d = design.details;
  if (auto badge = badge_at(design, front, y, z)) return badge;
  const float share = std::abs(y) / (0.5f * design.width);
  const Surface dark = matt(Vec3::Constant(0.008f), 0.5f);
  const float below = design.clearance + (d.skid_plate ? 0.15f : 0.09f);
  if (z < below) {
    if (d.skid_plate && std::abs(y) < 0.28f * design.width && z < below - 0.04f) return chrome(0.3f);
    return matt(design.trim, 0.5f);
  }
  if (!front) {
    // Reflectors low in the bumper; the plate's recess.
    if (between(0.68f, share, 0.86f) && line(z, f.bumper_line - 0.1f, 0.016f)) return gloss(Vec3(0.4f, 0.01f, 0.012f));
    if (std::abs(y - design.plate_offset * 0.4f) < 0.3f && line(z, f.bumper_line + 0.12f, 0.085f) &&
        !design.spare_wheel) {
      Surface s = painted(design.paint);
      s.albedo *= 0.5f;
      return s;
    }
    return std::nullopt;
  }
  // Side vents, slanted inwards, with a lamp in them or ribs.
  const float vent_high = f.bumper_line - 0.05f, vent_low = f.intake_low, slant = 0.12f * (vent_high - z);
  if (f.intake_half > 0 && between(d.vent_inner + slant, share, 0.9f) && between(vent_low, z, vent_high)) {
    const float middle = (vent_low + vent_high) / 2;
    const float from_lamp = std::hypot(std::abs(y) - 0.5f * (d.vent_inner + 0.9f) * 0.5f * design.width, z - middle);
    if (d.vent_lamp && from_lamp < 0.03f) return chrome(0.85f);
    if (d.vent_lamp && from_lamp < 0.045f) return gloss(Vec3::Constant(0.03f));
    return fraction(z / 0.04f) < 0.2f ? matt(Vec3::Constant(0.03f), 0.4f) : dark;
  }
  return std::nullopt;
}

}  // namespace spinfill::synth
