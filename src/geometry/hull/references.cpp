// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/references.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace spinfill {

at::Tensor References::alpha() const {
  return premultiplied.narrow(2, 3, 1);
}

at::Tensor References::gather(const at::Tensor& per_view) const {
  std::vector<std::int64_t> shape(per_view.sizes().begin(), per_view.sizes().end());
  shape[1] = count();
  // Whole rows: much cheaper than a gather with an index for every pixel.
  const at::Tensor row = index + at::arange(shape[0], index.options()).unsqueeze(1) * per_view.size(1);
  return per_view.flatten(0, 1).index_select(0, row.flatten()).view(shape);
}

References gather_references(const at::Tensor& colour, const at::Tensor& alpha, const at::Tensor& background,
                             const at::Tensor& is_reference, const at::Tensor& vehicle_from_camera,
                             const at::Tensor& intrinsics) {
  References out;
  // References first, in the order of their slots.
  const at::Tensor order = at::argsort(is_reference.logical_not().to(at::kInt), /*stable=*/true, 1);
  const std::int64_t most = std::max<std::int64_t>(1, is_reference.sum(1).max().item<std::int64_t>());
  const at::Tensor index = order.narrow(1, 0, most).contiguous();
  out.index = index.to(colour.device());
  out.valid = is_reference.gather(1, index).to(colour.device());
  // torch.where, not a product: NaN · 0 is NaN.
  const at::Tensor valid = out.valid.view({out.valid.size(0), most, 1, 1, 1});
  const at::Tensor zero = at::zeros({}, colour.options());
  const at::Tensor a = at::where(valid, out.gather(alpha), zero);
  const at::Tensor c = at::where(valid, out.gather(colour), zero);
  const at::Tensor under = (1 - a) * background.view({background.size(0), 1, 3, 1, 1});
  out.premultiplied = at::cat({at::where(valid, (c - under).clamp(0, 1), zero), a}, 2);
  out.vehicle_from_camera = out.gather(vehicle_from_camera);
  out.intrinsics = out.gather(intrinsics);
  return out;
}

}  // namespace spinfill
