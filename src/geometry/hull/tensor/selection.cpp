// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "geometry/hull/paths.h"

namespace spinfill::tensor {

at::Tensor maps(const Selection& pixels, const at::Tensor& values, std::int64_t views, std::int64_t height,
                std::int64_t width) {
  const std::int64_t B = values.size(0), C = values.size(2);
  return pixels.scatter(values).view({B, views, height, width, C}).permute({0, 1, 4, 2, 3}).contiguous();
}

}  // namespace spinfill::tensor
