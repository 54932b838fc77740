// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/random.h"
#include "synth/render/light.h"

namespace spinfill::synth {

// The light of a photo studio: a graded dome, a bright floor and soft boxes. The studio frame stands still with the
// camera while the turntable turns the vehicle: +X towards the camera, +Y to the right of the picture, +Z up. The boxes
// are never symmetric left to right, so that a mirrored view is lit differently.
class Studio final : public Light {
 public:
  explicit Studio(Random& random);

  Vec3 radiance(const Vec3& direction, float roughness) const override;
  Vec3 irradiance(const Vec3& normal) const override { return harmonics_.irradiance(normal).cwiseMax(0.02f); }
  float exposure() const override { return exposure_; }

 private:
  struct SoftBox {
    Vec3 centre, right, up;               // unit vectors
    float half_width, half_height, edge;  // tangents of the half angles
    Vec3 colour;
  };
  std::vector<SoftBox> boxes_;
  Vec3 zenith_, horizon_, floor_;
  Harmonics harmonics_;
  float exposure_ = 1;
};

}  // namespace spinfill::synth
