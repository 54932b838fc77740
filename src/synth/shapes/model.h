// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// What light does at a point of a surface. Colours are linear, in [0, 1].
struct Surface {
  Vec3 albedo = Vec3::Constant(0.5f);
  float metallic = 0;        // 0 dielectric … 1 metal (or metal flakes under a clear coat)
  float roughness = 0.5f;    // 0 mirror … 1 matt, of the base
  float coat = 0;            // 0 … 1: a smooth clear coat on top
  float transmission = 0;    // 0 opaque … 1: share of the light that passes, tinted by albedo
  float emission = 0;        // added radiance = emission · albedo
  Vec3 glow = Vec3::Zero();  // radiance added whatever the albedo
  bool cut = false;          // not there: the ray passes
};

struct Point {
  int part = 0;
  Vec3 position, normal, attribute;  // interpolated
  Vec3 second = Vec3::Zero();
  Vec3 colour = Vec3::Ones();
  bool inside = false;  // seen from behind
};

struct Part {
  Mesh mesh;
  int kind = 0;   // for surface()
  int index = 0;  // which of a kind
};

// Something that can be rendered: triangles and a surface at every point of them. Metres, ground at Z = 0 (imported
// models may use any unit).
class Model {
 public:
  virtual ~Model() = default;
  virtual Surface surface(const Point& point) const = 0;

  std::deque<Part> parts;  // stable addresses while it is built
  std::string category;
};

struct Box {
  Vec3 low = Vec3::Constant(1e30f), high = Vec3::Constant(-1e30f);
  Vec3 centre() const { return (low + high) / 2; }
  Vec3 size() const { return high - low; }
};
Box bounding_box(const Model& model);

Vec3 linear_from_srgb(int red, int green, int blue);  // 0 … 255
inline float smoothstep(float low, float high, float x) {
  const float t = std::min(1.0f, std::max(0.0f, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}
inline float mix(float a, float b, float t) {
  return a + (b - a) * t;
}
inline Vec3 mix(const Vec3& a, const Vec3& b, float t) {
  return a + (b - a) * t;
}

}  // namespace spinfill::synth
