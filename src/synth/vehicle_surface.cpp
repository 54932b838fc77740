// SPDX-License-Identifier: Apache-2.0
// What stands where on a vehicle: glass, lamps, lines, decals and paint as functions of the position on the body, so
// that they are sharp at any picture size.
#include <cmath>
#include <numbers>

#include "synth/vehicle.h"

namespace spinfill::synth {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

Surface matt(const Vec3& colour, float roughness = 0.6f) {
  Surface s;
  s.albedo = colour;
  s.roughness = roughness;
  return s;
}

Surface gloss(const Vec3& colour) {
  Surface s = matt(colour, 0.5f);
  s.coat = 1;
  return s;
}

Surface chrome(float level = 0.75f) {
  Surface s = matt(Vec3::Constant(level), 0.08f);
  s.metallic = 1;
  return s;
}

Surface glass(float tint) {
  Surface s;
  s.albedo = Vec3(0.92f, 1.0f, 0.97f) * tint;
  s.roughness = 0.05f;
  s.transmission = 1;
  return s;
}

bool between(float low, float x, float high) {
  return x > low && x < high;
}
bool line(float x, float at, float half) {
  return std::abs(x - at) < half;
}
float fraction(float x) {
  return x - std::floor(x);
}
float sampled(const cv::Mat& mask, float u, float v) {  // u, v in [0, 1], v downwards
  const float x = u * static_cast<float>(mask.cols), y = v * static_cast<float>(mask.rows);
  if (mask.empty() || x < 0 || y < 0 || x >= static_cast<float>(mask.cols) || y >= static_cast<float>(mask.rows))
    return 0;
  return static_cast<float>(mask.at<std::uint8_t>(static_cast<int>(y), static_cast<int>(x))) / 255;
}

}  // namespace

Surface Vehicle::painted(const Paint& paint) const {
  Surface s = matt(paint.colour, paint.roughness);
  s.metallic = paint.metallic;
  s.coat = 1;
  return s;
}

Surface Vehicle::surface(const Point& point) const {
  const Part& part = parts[static_cast<std::size_t>(point.part)];
  switch (part.kind) {
    case kBody: return body_surface(point);
    case kRim: return rim_surface(point);
    case kPlate: return plate_surface(point);
    case kCargoKind: return cargo_surface(point);
    case kTyre: {
      // Raised lettering and grooves, barely visible.
      const float radius = point.attribute.y() / design_.wheel.radius;
      const float tread = radius > 0.97f && fraction(point.attribute.x() * 30 / kPi) < 0.25f ? 0.5f : 1.0f;
      return matt(Vec3::Constant(0.022f * tread), 0.75f);
    }
    case kPaint: return painted(design_.paint);
    case kSecond: return painted(design_.second);
    case kChrome: return chrome();
    case kSeat: return matt(design_.seat, 0.8f);
    case kLinerKind: return matt(Vec3::Constant(0.008f), 0.9f);
    case kBrake: return matt(Vec3::Constant(0.12f), 0.5f);
    case kGlassKind: return glass(design_.glass_tint);
    case kTailLamp: return gloss(Vec3(0.45f, 0.01f, 0.015f));
    case kHeadLamp: return chrome(0.85f);
    case kMirrorGlass: return chrome(0.6f);
    case kTrimKind: return matt(design_.trim, 0.5f);
    case kWood: return matt(Vec3(0.16f, 0.09f, 0.045f), 0.7f);
    default: return matt(Vec3::Constant(0.015f), 0.7f);
  }
}

Surface Vehicle::body_surface(const Point& point) const {
  const VehicleDesign& d = design_;
  const float s = point.attribute.x(), band = point.attribute.y(), cap = point.attribute.z();
  const float y = point.position.y(), z = point.position.z(), side = y > 0 ? 1.0f : -1.0f;
  for (const auto& arch : d.body.arches) {
    if (std::abs(y) > 0.5f * d.width - d.wheel.width - 0.12f - arch.flare && z < arch.z + arch.radius &&
        std::hypot(s - arch.s, z - arch.z) < arch.radius) {
      Surface open;
      open.cut = true;
      return open;
    }
  }
  const auto trim_inside = [&](const Surface& outside) {
    return point.inside && outside.transmission <= 0 ? matt(0.5f * d.seat + Vec3::Constant(0.01f), 0.8f) : outside;
  };
  if (band < 0.9f && cap == 0) return matt(Vec3::Constant(0.01f), 0.9f);
  const bool side_band = band > 0.95f && band < 3.02f;
  if (cap > 0.5f || (s < d.front.lamp.wrap + 0.02f && band > 1)) {
    Surface f = face_surface(point, d.front, true);
    if (f.emission >= 0) return trim_inside(f);
  }
  const float from_rear = d.body.length - s;
  if (cap < -0.5f || (from_rear < d.rear.lamp.wrap + 0.02f && band > 1)) {
    Surface f = face_surface(point, d.rear, false);
    if (f.emission >= 0) return trim_inside(f);
  }
  const float belt = d.body.belt.at(s), top = d.body.top.at(s);
  const float slope = (d.body.top.at(s + 0.04f) - d.body.top.at(s - 0.04f)) / 0.08f;
  const float steep = std::sqrt(1 + slope * slope);

  // Greenhouse: side windows between the pillars.
  if (between(2.95f, band, 4.02f) && top - belt > 0.12f) {
    const float high = top - d.body.crown - d.window_high * std::min(3.0f, steep), low = belt + d.window_low;
    if (between(low, z, high)) {
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
    }
  }
  // Windscreen and rear window on the top's ramps.
  if (band > 4.03f && cap == 0) {
    const float across = (band - 4.1f) / 0.9f;
    const auto screen = [&](float from, float to, float tint) -> int {
      if (to <= from || !between(from, s, to) || across < 0.02f) return 0;
      const float border = std::min(std::min(s - from, to - s) * steep, (across - 0.02f) * 0.6f);
      return border < 0.03f ? 1 : 2;
    };
    const int front = screen(d.windscreen_from, d.windscreen_to, d.glass_tint);
    const int rear = screen(d.rear_window_from, d.rear_window_to, d.rear_glass_tint);
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
    if (d.sunroof && between(d.windscreen_to + 0.2f, s, d.windscreen_to + 0.95f) && across > 0.25f) {
      return gloss(Vec3::Constant(0.008f));
    }
    if (d.hood_to > d.hood_from && s < d.hood_to + 0.03f) {
      const bool edge = line(across, 0.12f, 0.012f) && between(d.hood_from, s, d.hood_to);
      const bool ends = (line(s, d.hood_from, 0.008f) || line(s, d.hood_to, 0.025f)) && across > 0.12f;
      if (edge || ends) return trim_inside(matt(Vec3::Constant(0.01f)));
    }
    if (d.trunk_from > 0 && line(s, d.trunk_from, 0.008f)) return trim_inside(matt(Vec3::Constant(0.01f)));
  }
  if (side_band && cap == 0) {
    float arch_gap = 1e9f;
    for (const auto& arch : d.body.arches) {
      arch_gap = std::min(arch_gap, std::hypot(s - arch.s, z - arch.z) - arch.radius);
    }
    if (d.cladding && (arch_gap < 0.075f || z < d.door_low + 0.03f)) return trim_inside(matt(d.trim, 0.6f));
    // Bus doors.
    if (side == d.door_side) {
      for (const auto& door : d.glass_doors) {
        if (!between(door.from, s, door.to) || z < d.clearance + 0.12f) continue;
        const float middle = (door.from + door.to) / 2,
                    border = std::min(std::min(s - door.from, door.to - s), std::abs(s - middle));
        return border < 0.035f || z < d.clearance + 0.2f ? matt(Vec3::Constant(0.015f), 0.4f) : glass(d.glass_tint);
      }
    }
    // Shut lines.
    if (!d.doors.empty() && arch_gap > 0.015f) {
      const float first = d.doors.front(), last = d.doors.back();
      for (const float at : d.doors) {
        const float curve = 0.05f * (1 - smoothstep(d.door_low, d.door_low + 0.25f, z));
        if (line(s + (at == first ? -curve : at == last ? curve : 0), at, 0.007f) && z > d.door_low) {
          return trim_inside(matt(Vec3::Constant(0.008f)));
        }
      }
      if (line(z, d.door_low, 0.007f) && between(first + 0.04f, s, last - 0.04f))
        return trim_inside(matt(Vec3::Constant(0.008f)));
      if (d.body.arches.size() >= 2 && d.category != "bus" && d.category != "truck") {
        // Rear door's edge along the wheel arch.
        const auto& arch = d.body.arches.back();
        if (line(arch_gap, 0.05f, 0.006f) && s < arch.s && z < arch.z + 0.3f && last > arch.s - arch.radius) {
          return trim_inside(matt(Vec3::Constant(0.008f)));
        }
      }
    }
    if (side == d.cap_side) {
      const float r = std::max(std::abs(s - d.cap_s) / 0.085f, std::abs(z - d.cap_z) / 0.075f);
      if (line(r, 1, 0.09f)) return trim_inside(matt(Vec3::Constant(0.008f)));
    }
    Surface decal;
    if (decal_at(point, s, decal)) return trim_inside(decal);
    if (d.chrome_line && line(z, d.door_low + 0.06f, 0.012f) && !d.doors.empty() &&
        between(d.doors.front(), s, d.doors.back()) && arch_gap > 0.05f) {
      return trim_inside(chrome(0.6f));
    }
  }
  // Paint.
  const bool roof = band > 3.9f && top - belt > 0.25f;
  if (d.black_roof && (roof || (band > 3.02f && top - belt > 0.2f))) return trim_inside(gloss(Vec3::Constant(0.01f)));
  if (d.two_tone == VehicleDesign::kRoof && band > 3.0f && top - belt > 0.2f) return trim_inside(painted(d.second));
  if (d.two_tone == VehicleDesign::kLower && z < d.body.crease_height - 0.02f && band < 3)
    return trim_inside(painted(d.second));
  if (d.two_tone == VehicleDesign::kHood && band > 4.0f && between(0.1f, std::abs(y), 0.33f))
    return trim_inside(painted(d.second));
  return trim_inside(painted(d.paint));
}

// A surface of negative emission means: nothing of the face is here.
Surface Vehicle::face_surface(const Point& point, const FaceDesign& f, bool front) const {
  const VehicleDesign& d = design_;
  const float y = point.position.y(), z = point.position.z(), cap = std::abs(point.attribute.z());
  const float along = front ? point.attribute.x() : d.body.length - point.attribute.x();
  const float half = 0.5f * d.width, share = std::abs(y) / half;
  const Lamp& lamp = f.lamp;
  Surface nothing;
  nothing.emission = -1;
  const auto lamp_surface = [&](float u, float v) {  // in [0, 1]²: inner → outer, low → high
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
  };
  // Lamps; they may reach around the corner.
  const float outer = std::min(lamp.outer, 1.0f);
  if (lamp.round) {
    const float r = (lamp.high - lamp.low) / 2, cy = (lamp.inner + outer) / 2 * half, cz = (lamp.low + lamp.high) / 2;
    const float distance = std::hypot(std::abs(y) - cy, z - cz) / r;
    if (distance < 1 && along < 0.25f) {
      if (!front) return distance < 0.5f ? lamp_surface(0, 0.8f) : lamp_surface(0, 0.6f);
      if (distance > 0.85f) return chrome();
      Surface s = chrome(0.85f);
      s.emission = distance < 0.4f ? 0.4f : 0.05f;
      return s;
    }
  } else {
    const float rise = lamp.rise * smoothstep(lamp.inner, outer, share);
    const float low = lamp.low + 0.6f * rise, high = lamp.high + rise;
    const bool in_face = share > lamp.inner && share < lamp.outer &&
                         along < lamp.wrap * (0.35f + 0.65f * (z - low) / std::max(0.02f, high - low));
    if (in_face && between(low, z, high)) {
      const float v = (z - low) / (high - low), u = (share - lamp.inner) / std::max(0.05f, outer - lamp.inner);
      const float border = std::min(std::min(v, 1 - v) * (high - low), u * (outer - lamp.inner) * half);
      if (border < 0.008f) return matt(Vec3::Constant(0.01f), 0.3f);
      return lamp_surface(std::min(1.0f, u), v);
    }
    if (f.light_bar && share <= lamp.inner &&
        between(lamp.low + 0.3f * (lamp.high - lamp.low), z, lamp.high - 0.1f * (lamp.high - lamp.low)) && cap > 0.5f) {
      Surface s = front ? gloss(Vec3::Constant(0.8f)) : gloss(Vec3(0.36f, 0.006f, 0.01f));
      s.emission = 0.15f;
      return s;
    }
  }
  if (f.plastic_bumper && z < f.bumper_line && along < 0.5f) return matt(d.trim, 0.55f);
  if (cap < 0.5f) return nothing;
  // Window in the face (bus, cab-over truck, jeep's back door).
  if (f.screen_high > f.screen_low && between(f.screen_low, z, f.screen_high) && share < f.screen_half) {
    const float border = std::min(std::min(z - f.screen_low, f.screen_high - z), (f.screen_half - share) * half);
    if (border < 0.035f) return matt(Vec3::Constant(0.01f), 0.3f);
    if (front && line(z, f.screen_low + 0.06f + 0.1f * (0.5f + y * d.driver_side / d.width), 0.012f))
      return matt(Vec3::Constant(0.01f));
    return glass(front ? d.glass_tint : d.rear_glass_tint);
  }
  if (f.grille_half > 0 && std::abs(y) < f.grille_half && between(f.grille_low, z, f.grille_high)) {
    // Narrower below.
    const float v = (z - f.grille_low) / (f.grille_high - f.grille_low), reach = f.grille_half * (0.8f + 0.2f * v);
    if (std::abs(y) < reach) {
      const float border = std::min(std::min(z - f.grille_low, f.grille_high - z), reach - std::abs(y));
      const Surface dark = matt(Vec3::Constant(0.006f), 0.5f);
      const Surface bright = f.grille_chrome ? chrome() : gloss(Vec3::Constant(0.04f));
      if (border < 0.018f) return bright;
      if (std::hypot(y, (z - (f.grille_low + f.grille_high) / 2)) < 0.055f) return chrome();
      switch (f.grille_pattern) {
        case 0: return fraction(z / 0.045f) < 0.4f ? bright : dark;
        case 1: return fraction((y + z) / 0.05f) < 0.25f || fraction((y - z) / 0.05f) < 0.25f ? bright : dark;
        case 2: return fraction(y / 0.11f + 0.5f) < 0.45f ? (f.grille_chrome ? bright : painted(d.paint)) : dark;
        default: return line(v, 0.55f, 0.1f) ? bright : dark;
      }
    }
  }
  if (f.intake_half > 0 && std::abs(y) < f.intake_half && between(f.intake_low, z, f.intake_high)) {
    return fraction(z / 0.05f) < 0.25f ? matt(Vec3::Constant(0.03f), 0.4f) : matt(Vec3::Constant(0.006f), 0.5f);
  }
  if (f.fog_lamps) {
    const float distance = std::hypot(std::abs(y) - 0.72f * half, z - (f.intake_low + f.intake_high) / 2);
    if (distance < 0.05f) return front ? chrome(0.9f) : gloss(Vec3(0.4f, 0.01f, 0.01f));
    if (distance < 0.09f) return matt(Vec3::Constant(0.01f), 0.4f);
  }
  if (line(z, f.bumper_line, 0.007f)) return matt(Vec3::Constant(0.008f));
  if (!front && d.trunk_from > 0 && line(share, 0.78f, 0.008f) && z > f.bumper_line)
    return matt(Vec3::Constant(0.008f));
  return nothing;
}

Surface Vehicle::rim_surface(const Point& point) const {
  const WheelDesign& w = design_.wheel;
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

Surface Vehicle::plate_surface(const Point& point) const {
  const float facing = parts[static_cast<std::size_t>(point.part)].index == 0 ? 1.0f : -1.0f;
  if (std::abs(point.normal.x()) < 0.7f) return matt(Vec3::Constant(0.02f));
  // Read from outside: on the front plate text runs from the vehicle's right to its left.
  const float u = 0.5f + 0.5f * facing * point.attribute.y(), v = 0.5f - 0.5f * point.attribute.z();
  if (u < 0.02f || u > 0.98f || v < 0.07f || v > 0.93f) return matt(Vec3::Constant(0.02f), 0.4f);
  const float ink = sampled(plate_mask_, (u - 0.08f) / 0.84f, (v - 0.2f) / 0.6f);
  const bool dark = design_.plate.colour.mean() < 0.3f;
  return matt(mix(design_.plate.colour, Vec3::Constant(dark ? 0.85f : 0.02f), ink), 0.4f);
}

bool Vehicle::decal_at(const Point& point, float s, Surface& surface) const {
  for (const auto& decal : design_.decals) {
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
    surface = gloss(decal.colour);
    return true;
  }
  return false;
}

Surface Vehicle::cargo_surface(const Point& point) const {
  const VehicleDesign& d = design_;
  const float s = d.body.front_x - point.position.x(), z = point.position.z(), y = point.position.y();
  const Vec3 n = point.normal;
  if (d.cargo == VehicleDesign::kBoxCargo) {
    Surface decal;
    if (std::abs(n.y()) > 0.7f && decal_at(point, s, decal)) return decal;
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
