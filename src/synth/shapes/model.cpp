// SPDX-License-Identifier: Apache-2.0
#include "synth/shapes/model.h"

#include <cmath>

namespace spinfill::synth {

Box bounding_box(const Model& model) {
  Box box;
  for (const auto& part : model.parts) {
    for (const auto& t : part.mesh.triangles) {
      for (const auto i : t) {
        box.low = box.low.cwiseMin(part.mesh.position[i]);
        box.high = box.high.cwiseMax(part.mesh.position[i]);
      }
    }
  }
  return box;
}

Vec3 linear_from_srgb(int red, int green, int blue) {
  const auto decode = [](int byte) {
    const float x = static_cast<float>(byte) / 255;
    return x <= 0.04045f ? x / 12.92f : std::pow((x + 0.055f) / 1.055f, 2.4f);
  };
  return {decode(red), decode(green), decode(blue)};
}

}  // namespace spinfill::synth
