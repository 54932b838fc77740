// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "geometry/hull/paths.h"

namespace spinfill::cpu {

at::Tensor maps(const Selection& pixels, const at::Tensor& values, std::int64_t views, std::int64_t height,
                std::int64_t width) {
  const std::int64_t B = values.size(0), P = values.size(1), channels = values.size(2), HW = height * width;
  const at::Tensor from = values.contiguous(), places = pixels.index.contiguous(), valid = pixels.valid.contiguous();
  at::Tensor out = at::zeros({B, views, channels, height, width}, values.options());
  const float* value = from.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  const bool* counts = valid.const_data_ptr<bool>();
  const auto* index = places.const_data_ptr<std::int64_t>();
  at::parallel_for(0, B * P, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (!counts[i]) continue;
      const std::int64_t view = i / P * views + index[i] / HW;
      float* pixel = to + view * channels * HW + index[i] % HW;
      for (std::int64_t c = 0; c < channels; ++c) pixel[c * HW] = value[i * channels + c];
    }
  });
  return out;
}

}  // namespace spinfill::cpu
