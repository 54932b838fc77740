// SPDX-License-Identifier: Apache-2.0
#include "synth/render/light.h"

namespace spinfill::synth {
namespace {

std::array<float, 9> harmonic_basis(const Vec3& d) {
  const float x = d.x(), y = d.y(), z = d.z();
  return {0.282095f,
          0.488603f * y,
          0.488603f * z,
          0.488603f * x,
          1.092548f * x * y,
          1.092548f * y * z,
          0.315392f * (3 * z * z - 1),
          1.092548f * x * z,
          0.546274f * (x * x - y * y)};
}

}  // namespace

void Harmonics::add(const Vec3& direction, float solid_angle, const Vec3& light) {
  const auto y = harmonic_basis(direction);
  for (std::size_t i = 0; i < 9; ++i) sum_[i] += solid_angle * y[i] * light;
}

Vec3 Harmonics::irradiance(const Vec3& normal) const {
  const auto y = harmonic_basis(normal);
  Vec3 sum = Vec3::Zero();
  for (std::size_t i = 0; i < 9; ++i) {
    const float lobe = i == 0 ? 1.0f : i < 4 ? 2.0f / 3 : 0.25f;  // A0 = π, A1 = 2π/3, A2 = π/4, all over π
    sum += y[i] * Vec3(sum_[i] * lobe);
  }
  return sum;
}

}  // namespace spinfill::synth
