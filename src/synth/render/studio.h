// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include "core/random.h"
#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// The light of a photo studio: a graded dome, a bright floor and soft boxes. The studio frame stands still with the
// camera while the turntable turns the vehicle: +X towards the camera, +Y to the right of the picture, +Z up. The boxes
// are never symmetric left to right, so that a mirrored view is lit differently.
class Studio {
 public:
  explicit Studio(Random& random);

  // Light that arrives from a direction, blurred as a surface of that roughness does.
  Vec3 radiance(const Vec3& direction, float roughness) const;
  // Irradiance over π at a surface with this normal, from second-order spherical harmonics (Ramamoorthi and Hanrahan,
  // "An efficient representation for irradiance environment maps", SIGGRAPH 2001, eq. 10–13).
  Vec3 irradiance(const Vec3& normal) const;
  Vec3 floor() const { return floor_; }
  float exposure() const { return exposure_; }

 private:
  struct SoftBox {
    Vec3 centre, right, up;               // unit vectors
    float half_width, half_height, edge;  // tangents of the half angles
    Vec3 colour;
  };
  std::vector<SoftBox> boxes_;
  Vec3 zenith_, horizon_, floor_;
  std::array<Vec3, 9> harmonics_;
  float exposure_ = 1;
};

}  // namespace spinfill::synth
