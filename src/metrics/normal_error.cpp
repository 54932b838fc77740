// SPDX-License-Identifier: Apache-2.0
#include "metrics/normal_error.h"

#include <ATen/ATen.h>

#include <limits>
#include <numbers>

#include "core/error.h"
#include "metrics/per_picture.h"

namespace spinfill {

NormalError normal_error(const at::Tensor& normals, const at::Tensor& truth, const at::Tensor& alpha) {
  if (normals.dim() != 3 || normals.size(0) != 3 || normals.sizes() != truth.sizes() ||
      alpha.sizes() != truth.narrow(0, 0, 1).sizes())
    fail("normals [{}] cannot be compared with normals [{}] under alpha [{}]", fmt::join(normals.sizes(), ","),
         fmt::join(truth.sizes(), ","), fmt::join(alpha.sizes(), ","));
  const at::Tensor a = exact(normals), b = exact(truth);
  const at::Tensor length = b.norm(2, {0}), own_length = a.norm(2, {0});
  // atan2(|a×b|, a·b) is exact near 0 and 180 degrees, where the arc cosine is not.
  const at::Tensor angle = at::atan2(at::linalg_cross(a, b, 0).norm(2, {0}), (a * b).sum(0));
  const at::Tensor degrees = (angle * (180 / std::numbers::pi)).masked_fill(own_length < 1e-3, 90);
  const at::Tensor known = at::logical_and(exact(alpha)[0] >= 0.5, length >= 0.5);
  const at::Tensor of_vehicle = std::get<0>(degrees.masked_select(known).sort());
  const std::int64_t count = of_vehicle.numel();
  if (count == 0) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  const auto* all = of_vehicle.const_data_ptr<double>();
  return {sum_of(0, count, [&](std::int64_t i) { return all[i]; }) / static_cast<double>(count),
          (all[(count - 1) / 2] + all[count / 2]) / 2};
}

}  // namespace spinfill
