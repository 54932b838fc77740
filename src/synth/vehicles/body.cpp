// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/body.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "synth/shapes/model.h"

namespace spinfill::synth {
namespace {

struct SectionPoint {
  float y, z, band;
};

constexpr int kStraight[5] = {2, 6, 8, 5, 9};  // samples inside each band
constexpr int kArc = 5;                        // samples of each rounded corner

// Between the wheels and between the sill and the character line, in [0, 1]. It gives the doors a lower, bright edge.
float hollow_at(const BodyShape& shape, float s, float z, float bottom) {
  if (shape.arches.size() < 2) return 0;
  const auto &first = shape.arches.front(), &last = shape.arches.back();
  const float along = smoothstep(first.s + first.radius, first.s + first.radius + 0.5f, s) *
                      (1 - smoothstep(last.s - last.radius - 0.5f, last.s - last.radius, s));
  const float t = (z - bottom - 0.12f) / std::max(0.1f, shape.crease_height - bottom - 0.12f);
  return t > 0 && t < 1 ? along * std::pow(std::sin(std::numbers::pi_v<float> * std::sqrt(t)), 2.0f) : 0;
}

// The right half's outline from the middle of the underside to the middle of the top; same count at every station.
std::vector<SectionPoint> section(const BodyShape& shape, float s) {
  const float bottom = shape.bottom.at(s), top = std::max(shape.top.at(s), bottom + 0.1f);
  const float belt = std::clamp(shape.belt.at(s), bottom + 0.08f, top - 0.02f);
  const float half = shape.half_width.at(s);
  const float above = top - belt;
  const float slope = std::abs(shape.top.at(s + 0.03f) - shape.top.at(s - 0.03f)) / 0.06f;
  const float crown = std::min(mix(shape.crown, shape.screen_crown, smoothstep(0.15f, 0.5f, slope)), 0.6f * above);
  const float shoulder = half - shape.belt_inset;
  const float roof = std::max(0.25f * half, shoulder - shape.tumblehome * (above - crown) - 0.02f);
  const Vec2 key[6] = {{0, bottom},
                       {half - shape.sill_inset, bottom},
                       {half, bottom + shape.bulge_height * (belt - bottom)},
                       {shoulder, belt},
                       {roof, top - crown},
                       {0, top}};
  const float radius[6] = {0, shape.sill_radius, 0.3f, shape.shoulder_radius, shape.roof_radius, 0};
  Vec2 from[6], to[6];  // where the rounding of each corner begins and ends
  for (int i = 0; i < 6; ++i) {
    from[i] = to[i] = key[i];
    if (i == 0 || i == 5) continue;
    const Vec2 back = key[i - 1] - key[i], ahead = key[i + 1] - key[i];
    from[i] += back.normalized() * std::min(radius[i], 0.45f * back.norm());
    to[i] += ahead.normalized() * std::min(radius[i], 0.45f * ahead.norm());
  }
  int straight[5];
  for (int i = 0; i < 5; ++i) straight[i] = shape.fineness * kStraight[i];
  std::vector<SectionPoint> out;
  for (int i = 0; i < 6; ++i) {
    if (i > 0 && i < 5) {
      for (int k = 0; k < kArc; ++k) {
        const float t = static_cast<float>(k) / (kArc - 1);
        const Vec2 p = (1 - t) * (1 - t) * from[i] + 2 * t * (1 - t) * key[i] + t * t * to[i];
        out.push_back({p.x(), p.y(), static_cast<float>(i) - 0.1f + 0.2f * t});
      }
    } else {
      out.push_back({key[i].x(), key[i].y(), static_cast<float>(i)});
    }
    if (i == 5) break;
    for (int k = 1; k <= straight[i]; ++k) {
      const float t = static_cast<float>(k) / static_cast<float>(straight[i] + 1);
      const Vec2 p = to[i] + t * (from[i + 1] - to[i]);
      out.push_back({p.x(), p.y(),
                     static_cast<float>(i) + (i == 0   ? 0.9f * t
                                              : i == 4 ? 0.1f + 0.9f * t
                                                       : 0.1f + 0.8f * t)});
    }
  }
  // The top is a parabola across.
  for (auto& p : out) {
    if (p.band >= 4.1f) p.z = top - crown * (p.y * p.y) / (roof * roof + 1e-6f);
  }
  // The rounded corner ends on the chord; lift it so that it meets the parabola.
  const float meet = top - crown * to[4].x() * to[4].x() / (roof * roof + 1e-6f) - to[4].y();
  for (auto& p : out) {
    if (p.band > 3.9f && p.band < 4.1f) p.z += meet * (p.band - 3.9f) / 0.2f;
  }
  // Character line and flares move the sides only.
  for (auto& p : out) {
    if (p.band < 0.9f || p.band > 3.0f) continue;
    const float fade = smoothstep(0.9f, 1.1f, p.band) * (1 - smoothstep(2.85f, 3.0f, p.band));
    if (shape.crease_depth > 0) {
      p.y -= fade * shape.crease_depth *
             (1 - smoothstep(shape.crease_height - shape.crease_width, shape.crease_height, p.z));
    }
    if (shape.hollow > 0) p.y -= fade * shape.hollow * hollow_at(shape, s, p.z, bottom);
    for (const auto& arch : shape.arches) {
      const float distance = std::hypot(s - arch.s, p.z - arch.z) - arch.radius;
      p.y += arch.flare * (distance < 0 ? 1.0f : 1 - smoothstep(0, arch.flare_width, distance));
    }
  }
  return out;
}

// Stations close together where the top line bends or climbs.
std::vector<float> stations(const BodyShape& shape, float first, float last) {
  std::vector<float> s = {first};
  const float step = 0.055f;
  while (s.back() < last - 1e-4f) {
    float ahead = step;
    for (int k = 0; k < 3; ++k) {
      const float rise = std::abs(shape.top.at(s.back() + ahead) - shape.top.at(s.back()));
      if (std::hypot(ahead, rise) > 1.2f * step) ahead *= 0.6f;
    }
    float next = s.back() + ahead;
    for (const float edge : {shape.bed_from, shape.bed_to}) {
      if (shape.bed_to > shape.bed_from && s.back() < edge - 1e-4f && next > edge) next = edge;
    }
    s.push_back(std::min(last, next));
  }
  return s;
}

}  // namespace

float BodyShape::side_at(float s, float z) const {
  const auto outline = section(*this, std::clamp(s, cap_radius, length - cap_radius));
  for (std::size_t i = 1; i < outline.size(); ++i) {
    if (outline[i].z >= z && outline[i].band > 0.9f) {
      const auto &a = outline[i - 1], &b = outline[i];
      const float t = b.z > a.z ? std::clamp((z - a.z) / (b.z - a.z), 0.0f, 1.0f) : 0;
      return a.y + t * (b.y - a.y);
    }
  }
  return outline.back().y;
}

float BodyShape::bowed(float bow, float across) const {
  return corner_power == 2 ? bow * across * across : bow * std::pow(std::abs(across), corner_power);
}

float BodyShape::front_at(float y, float z) const {
  const float across = y / half_width.at(0);
  return x_of(0) - front_rake.at(z) - bowed(front_bow, across);
}

float BodyShape::rear_at(float y, float z) const {
  const float across = y / half_width.at(length);
  return x_of(length) + rear_rake.at(z) + bowed(rear_bow, across);
}

Mesh loft(const BodyShape& shape) {
  struct Ring {
    float s, station, inset, shrink, cap;  // drawn at s with the section of `station`, made smaller
  };
  std::vector<Ring> rings;
  const float r = shape.cap_radius;
  constexpr int kFace = 9, kRound = 4;
  for (int i = 0; i < kFace; ++i) rings.push_back({0, r, r, static_cast<float>(i) / kFace, 1});
  for (int i = kRound; i > 0; --i) {
    const float a = std::numbers::pi_v<float> / 2 * static_cast<float>(i) / kRound;
    rings.push_back({r - r * std::sin(a), r, r * (1 - std::cos(a)), 1, i == kRound ? 1.0f : 0.0f});
  }
  for (const float s : stations(shape, r, shape.length - r)) rings.push_back({s, s, 0, 1, 0});
  for (int i = 1; i <= kRound; ++i) {
    const float a = std::numbers::pi_v<float> / 2 * static_cast<float>(i) / kRound;
    rings.push_back(
        {shape.length - r + r * std::sin(a), shape.length - r, r * (1 - std::cos(a)), 1, i == kRound ? -1.0f : 0.0f});
  }
  for (int i = kFace - 1; i >= 0; --i) {
    rings.push_back({shape.length, shape.length - r, r, static_cast<float>(i) / kFace, -1});
  }

  Grid grid;
  grid.rows = static_cast<int>(rings.size());
  std::vector<float> band;
  for (const auto& ring : rings) {
    const auto half = section(shape, ring.station);
    const int n = static_cast<int>(half.size());
    grid.columns = 2 * n - 1;
    const float low = half.front().z, high = half.back().z, middle = (low + high) / 2, half_height = (high - low) / 2;
    const float half_width = shape.half_width.at(ring.station);
    const float front = std::pow(std::max(0.0f, 1 - ring.s / shape.rake_reach), 1.5f);
    const float rear = std::pow(std::max(0.0f, 1 - (shape.length - ring.s) / shape.rake_reach), 1.5f);
    for (int column = 0; column < grid.columns; ++column) {
      // Up the right half, down the left half, so that the seam lies underneath.
      const bool left = column >= n;
      const auto& p = half[static_cast<std::size_t>(left ? 2 * (n - 1) - column : column)];
      const float y = ring.shrink * p.y * std::max(0.0f, 1 - ring.inset / half_width);
      const float z = middle + ring.shrink * (p.z - middle) * std::max(0.0f, 1 - ring.inset / half_height);
      const float across = y / half_width;
      const float x = shape.x_of(ring.s) - front * (shape.front_rake.at(z) + shape.bowed(shape.front_bow, across)) +
                      rear * (shape.rear_rake.at(z) + shape.bowed(shape.rear_bow, across));
      grid.position.emplace_back(x, left ? y : -y, z);
      grid.attribute.emplace_back(ring.s, p.band, ring.cap);
    }
  }
  Mesh mesh;
  // Load bed and wheel arches: cells that are wholly inside the opening are left out.
  const auto open = [&](int row, int column) {
    const auto i = static_cast<std::size_t>(row * grid.columns + column);
    const Vec3 &a = grid.attribute[i], &p = grid.position[i];
    if (a.x() >= shape.bed_from - 1e-3f && a.x() <= shape.bed_to + 1e-3f && shape.bed_to > shape.bed_from &&
        a.y() >= 4 && std::abs(p.y()) < shape.half_width.at(a.x()) - shape.bed_wall) {
      return true;
    }
    return false;
  };
  add_grid(mesh, grid, [&](int row, int column) {
    return !(open(row, column) && open(row + 1, column) && open(row, column + 1) && open(row + 1, column + 1));
  });
  return mesh;
}

}  // namespace spinfill::synth
