// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/curve.h"

#include <algorithm>

namespace spinfill::synth {

Curve::Curve(const std::vector<Corner>& corners) {
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const Vec2 p(corners[i].x, corners[i].y);
    if (i == 0 || i + 1 == corners.size() || corners[i].radius <= 0) {
      points_.push_back(p);
      continue;
    }
    const Vec2 before(corners[i - 1].x, corners[i - 1].y), after(corners[i + 1].x, corners[i + 1].y);
    const Vec2 back = before - p, ahead = after - p;
    const Vec2 a = p + back.normalized() * std::min(corners[i].radius, 0.48f * back.norm());
    const Vec2 b = p + ahead.normalized() * std::min(corners[i].radius, 0.48f * ahead.norm());
    constexpr int kSteps = 6;
    for (int k = 0; k <= kSteps; ++k) {
      const float t = static_cast<float>(k) / kSteps;
      points_.push_back((1 - t) * (1 - t) * a + 2 * t * (1 - t) * p + t * t * b);
    }
  }
}

float Curve::at(float x) const {
  if (points_.empty()) return 0;
  if (x <= points_.front().x()) return points_.front().y();
  if (x >= points_.back().x()) return points_.back().y();
  const auto after =
      std::upper_bound(points_.begin(), points_.end(), x, [](float value, const Vec2& p) { return value < p.x(); });
  const Vec2 &b = *after, &a = *(after - 1);
  const float span = b.x() - a.x();
  return span > 0 ? a.y() + (b.y() - a.y()) * (x - a.x()) / span : b.y();
}

}  // namespace spinfill::synth
