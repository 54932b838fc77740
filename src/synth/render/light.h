// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// Of linear sRGB (ITU-R BT.709).
inline float luminance(const Vec3& c) {
  return 0.2126f * c.x() + 0.7152f * c.y() + 0.0722f * c.z();
}

// Light that arrives from beyond the vehicle. Its frame has +Z up; directions are unit vectors away from the vehicle.
class Light {
 public:
  // A strong source that casts shadows: where it stands, and what it adds to the irradiance over π of a surface that
  // faces it.
  struct Beam {
    Vec3 direction, power;
  };

  Light() = default;
  Light(const Light&) = delete;
  Light& operator=(const Light&) = delete;
  virtual ~Light() = default;

  // Light that arrives from a direction, blurred as a surface of that roughness does.
  virtual Vec3 radiance(const Vec3& direction, float roughness) const = 0;
  // Irradiance over π at a surface with this normal: of everything, and without the beams.
  virtual Vec3 irradiance(const Vec3& normal) const = 0;
  virtual Vec3 ambient(const Vec3& normal) const { return irradiance(normal); }
  // One of the strong sources, drawn by a point of the unit square, rather one that a surface with this normal faces;
  // the mean over the square is their light there.
  virtual bool has_beams() const { return false; }
  virtual Beam beam(const Vec2& /*at*/, const Vec3& /*normal*/) const { return {Vec3(0, 0, 1), Vec3::Zero()}; }
  // Whether the light stands still with the camera (+X towards it, +Y to the right of the picture) while a turntable
  // turns the vehicle. Else it stands still with the vehicle (+X forward, +Y to its left), and the camera goes round.
  virtual bool stands_with_camera() const { return true; }
  virtual float exposure() const = 0;
};

// Second-order spherical harmonics of a light, three colours (Ramamoorthi and Hanrahan, "An efficient representation
// for irradiance environment maps", SIGGRAPH 2001, eq. 10–13).
class Harmonics {
 public:
  Harmonics() { sum_.fill(Vec3::Zero()); }
  // Light from a direction that takes up a solid angle.
  void add(const Vec3& direction, float solid_angle, const Vec3& light);
  // Irradiance over π: the light convolved with the cosine lobe.
  Vec3 irradiance(const Vec3& normal) const;

 private:
  std::array<Vec3, 9> sum_;
};

}  // namespace spinfill::synth
