// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/selection.h"

#include <ATen/ATen.h>

#include "geometry/hull/paths.h"

namespace spinfill {

Selection select(const at::Tensor& mask) {
  const std::int64_t B = mask.size(0), N = mask.size(1);
  const at::Tensor rank = mask.cumsum(1);  // 1-based place among the chosen
  const std::int64_t P = N == 0 || B == 0 ? 0 : rank.select(1, N - 1).max().item<std::int64_t>();
  // All others write into one extra place, which is cut off.
  const at::Tensor place = at::where(mask, rank - 1, at::full({}, P, rank.options()));
  const at::Tensor here = at::arange(N, rank.options()).expand({B, N});
  Selection out;
  out.index = at::full({B, P + 1}, N, rank.options()).scatter_(1, place, here).narrow(1, 0, P).contiguous();
  out.valid = at::arange(P, rank.options()).unsqueeze(0) < mask.sum(1, true);
  out.index.masked_fill_(out.valid.logical_not(), N);
  out.from = N;
  return out;
}

at::Tensor Selection::take(const at::Tensor& values) const {
  const at::Tensor safe = index.clamp_max(from - 1);
  if (values.dim() == 2) return values.gather(1, safe);
  return values.gather(1, safe.unsqueeze(-1).expand({safe.size(0), safe.size(1), values.size(2)}));
}

at::Tensor Selection::scatter(const at::Tensor& values) const {
  const std::int64_t B = values.size(0), C = values.size(2);
  const at::Tensor place = index.unsqueeze(-1).expand({B, index.size(1), C});
  return at::zeros({B, from + 1, C}, values.options()).scatter_(1, place, values).narrow(1, 0, from);
}

at::Tensor Selection::maps(const at::Tensor& values, std::int64_t views, std::int64_t height,
                           std::int64_t width) const {
  return values.is_cpu() ? cpu::maps(*this, values, views, height, width)
                         : tensor::maps(*this, values, views, height, width);
}

}  // namespace spinfill
