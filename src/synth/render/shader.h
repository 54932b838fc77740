// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <embree3/rtcore.h>

#include <Eigen/Core>

#include "synth/render/light.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// What rays meet. Lengths in the model's own unit.
struct Scene {
  RTCScene embree = nullptr;
  const Model& model;
  Vec3 centre;      // of the vehicle
  float scale;      // longest side
  Vec3 floor_half;  // half sizes; the floor lies below
};

// Where a ray ends.
struct Hit {
  float distance = 0;
  Point point;
  Vec3 geometric;  // unit normal of the triangle, on the side of the smooth normal
  Surface surface;
};

// Points of the unit square, stratified over a pixel's samples, that choose a sample's occlusion and shadow rays.
struct Lobe {
  Vec2 occlusion, beam;
};

// One picture's light transport: direct view, one mirror bounce, one occlusion ray and one shadow
// ray where the light has beams.
class Shader {
 public:
  Shader(const Scene& scene, const Light& light, const Eigen::Matrix3f& light_from_model)
      : scene_(scene), light_(light), light_from_model_(light_from_model) {}

  // The first surface between two distances that is not cut away.
  bool intersect(const Vec3& origin, const Vec3& direction, float near, float far, Hit& hit) const;
  // covered: whether the ray meets the vehicle.
  Vec3 radiance(const Vec3& origin, const Vec3& direction, const Lobe& lobe, bool& covered) const;

 private:
  Vec3 outside(const Vec3& origin, const Vec3& direction, float roughness) const;
  float floor_light(const Vec3& origin, const Vec3& direction) const;
  Vec3 bounce(const Vec3& origin, const Vec3& direction, float roughness) const;
  Vec3 occlusion_ray(const Hit& hit, const Vec2& lobe) const;
  float visibility(const Vec3& origin, const Vec3& open) const;
  Vec3 beam_light(const Vec3& origin, const Hit& hit, const Lobe& lobe) const;
  Vec3 shade_opaque(const Hit& hit, const Vec3& direction, const Lobe& lobe) const;

  const Scene& scene_;
  const Light& light_;
  Eigen::Matrix3f light_from_model_;
};

}  // namespace spinfill::synth
