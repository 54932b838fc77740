// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "geometry/hull/paths.h"

namespace spinfill::tensor {

at::Tensor silhouette_distance(const at::Tensor& alpha) {
  constexpr double kReach = 1e3;
  const std::int64_t H = alpha.size(-2), W = alpha.size(-1);
  // Distances from outside (over pixels with some coverage) and from inside (over pixels with some gap), together.
  // A pixel of coverage α holds the edge ½ − α pixels outwards of its centre.
  const at::Tensor outside = at::where(alpha > 0.02, 0.5 - alpha, at::full({}, kReach, alpha.options()));
  const at::Tensor inside = at::where(alpha < 0.98, alpha - 0.5, at::full({}, kReach, alpha.options()));
  at::Tensor d = at::stack({outside, inside});  // [2,...,H,W]
  const auto pass = [&](std::int64_t dx, std::int64_t dy) {
    const double cost = std::hypot(static_cast<double>(dx), static_cast<double>(dy));
    const std::int64_t w = W - std::abs(dx), h = H - std::abs(dy);
    if (w <= 0 || h <= 0) return;
    const at::Tensor to = d.narrow(-1, std::max<std::int64_t>(dx, 0), w).narrow(-2, std::max<std::int64_t>(dy, 0), h);
    const at::Tensor from =
        d.narrow(-1, std::max<std::int64_t>(-dx, 0), w).narrow(-2, std::max<std::int64_t>(-dy, 0), h);
    to.copy_(at::minimum(to, from + cost));
  };
  // Steps of doubling length along the four axes span every octagonal path up to 31 px.
  constexpr std::int64_t kAxes[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
  for (const auto& axis : kAxes)
    for (std::int64_t s = 1; s <= 16; s *= 2) {
      pass(s * axis[0], s * axis[1]);
      pass(-s * axis[0], -s * axis[1]);
    }
  d = d.clamp_max(31);
  return at::where(alpha >= 0.5, d[1].clamp_min(0), -d[0].clamp_min(0));
}

}  // namespace spinfill::tensor
