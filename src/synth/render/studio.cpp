// SPDX-License-Identifier: Apache-2.0
#include "synth/render/studio.h"

#include <Eigen/Geometry>

#include <cmath>

#include "synth/shapes/model.h"

namespace spinfill::synth {
namespace {

Vec3 towards(float azimuth_deg, float elevation_deg) {
  const float a = azimuth_deg * kPi / 180, e = elevation_deg * kPi / 180;
  return {std::cos(e) * std::cos(a), std::cos(e) * std::sin(a), std::sin(e)};
}

}  // namespace

Studio::Studio(Random& random) {
  const auto draw = [&](double low, double high) { return static_cast<float>(random.uniform(low, high)); };
  const auto tint = [&](float warmth) { return Vec3(1 + 0.08f * warmth, 1, 1 - 0.1f * warmth); };
  const float level = draw(0.18, 0.5);
  zenith_ = level * draw(0.35, 0.9) * tint(draw(-0.5, 0.3));
  horizon_ = level * draw(0.8, 1.15) * tint(draw(-0.3, 0.5));
  floor_ = level * draw(0.55, 0.95) * tint(draw(-0.2, 0.5));
  const float side = random.chance(0.7) ? -1.0f : 1.0f;  // the key light stands left of the camera in most studios
  const auto add = [&](float azimuth, float elevation, float half_width, float half_height, float power, float roll) {
    SoftBox box;
    box.centre = towards(azimuth, elevation);
    const Vec3 right = Vec3(0, 0, 1).cross(box.centre).normalized();
    const Vec3 up = box.centre.cross(right);
    box.right = std::cos(roll) * right + std::sin(roll) * up;
    box.up = -std::sin(roll) * right + std::cos(roll) * up;
    box.half_width = half_width;
    box.half_height = half_height;
    box.edge = draw(0.03, 0.12);
    box.colour = power * tint(draw(-0.6, 0.6));
    boxes_.push_back(box);
  };
  add(side * draw(25, 70), draw(22, 42), draw(0.25, 0.5), draw(0.2, 0.45), draw(5, 10), draw(-0.2, 0.2));
  add(-side * draw(50, 95), draw(12, 35), draw(0.12, 0.25), draw(0.3, 0.6), draw(1.5, 4), draw(-0.15, 0.15));
  add(draw(-40, 40), draw(62, 80), draw(0.5, 0.9), draw(0.25, 0.5), draw(2.5, 5), draw(-0.4, 0.4));
  if (random.chance(0.6)) {
    add(side * draw(120, 165), draw(25, 50), draw(0.2, 0.5), draw(0.15, 0.3), draw(2, 6), draw(-0.3, 0.3));
  }
  if (random.chance(0.4)) add(-side * draw(10, 45), draw(8, 18), draw(0.05, 0.1), draw(0.2, 0.4), draw(3, 7), 0);

  constexpr int kRows = 32, kColumns = 64;
  for (int row = 0; row < kRows; ++row) {
    const float polar = kPi * (static_cast<float>(row) + 0.5f) / kRows;
    const float area = std::sin(polar) * (kPi / kRows) * (2 * kPi / kColumns);
    for (int column = 0; column < kColumns; ++column) {
      const float angle = 2 * kPi * (static_cast<float>(column) + 0.5f) / kColumns;
      const Vec3 d(std::sin(polar) * std::cos(angle), std::sin(polar) * std::sin(angle), std::cos(polar));
      harmonics_.add(d, area, radiance(d, 0.15f));
    }
  }
  // Exposed for what faces the camera and what faces up.
  const Vec3 seen = irradiance(Vec3(1, 0, 0)) + irradiance(Vec3(0, 0, 1)) + 0.5f * irradiance(Vec3(0.6f, 0.8f, 0)) +
                    0.5f * irradiance(Vec3(0.6f, -0.8f, 0));
  exposure_ = draw(0.85, 1.15) * 3 / std::max(0.1f, seen.mean());
}

Vec3 Studio::radiance(const Vec3& d, float roughness) const {
  const float horizon_edge = 0.04f + 0.5f * roughness;
  const Vec3 dome = mix(horizon_, zenith_, std::sqrt(std::max(0.0f, d.z())));
  Vec3 light = mix(floor_, dome, smoothstep(-horizon_edge, horizon_edge, d.z()));
  for (const auto& box : boxes_) {
    const float facing = d.dot(box.centre);
    if (facing < 0.1f) continue;
    const float a = std::abs(d.dot(box.right)) / facing, b = std::abs(d.dot(box.up)) / facing;
    const float edge = box.edge + 0.9f * roughness;
    if (a > box.half_width + edge || b > box.half_height + edge) continue;
    // Blurring spreads the same energy over a wider area.
    const float spread = box.half_width * box.half_height /
                         ((box.half_width + 0.45f * roughness) * (box.half_height + 0.45f * roughness));
    light += spread * (1 - smoothstep(box.half_width - edge, box.half_width + edge, a)) *
             (1 - smoothstep(box.half_height - edge, box.half_height + edge, b)) * box.colour;
  }
  return light;
}

}  // namespace spinfill::synth
