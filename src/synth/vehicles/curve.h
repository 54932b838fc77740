// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// A function through control points whose corners are rounded: y(x), x ascending; constant beyond its ends.
class Curve {
 public:
  struct Corner {
    float x, y;
    float radius = 0;  // length that the rounding takes off each of the two sides at most
  };
  Curve() = default;
  explicit Curve(const std::vector<Corner>& corners);
  float at(float x) const;
  const std::vector<Vec2>& points() const { return points_; }

 private:
  std::vector<Vec2> points_;
};

}  // namespace spinfill::synth
