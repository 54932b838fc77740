// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace spinfill {

// Letters: B sets, V views, H W pixels, N = V·H·W rays, P chosen rays, C channels.

// The rays of each set for which a mask holds, one after another and padded to the longest set.
struct Selection {
  at::Tensor index;       // [B,P] int64 into N; N for padding
  at::Tensor valid;       // [B,P] bool
  std::int64_t from = 0;  // N

  at::Tensor take(const at::Tensor& values) const;     // [B,N] or [B,N,C] → [B,P(,C)]; padding takes some other ray's
  at::Tensor scatter(const at::Tensor& values) const;  // back: [B,P,C] → [B,N,C], 0 elsewhere
  // The same as pictures, [B,V,C,H,W] with N = V·H·W.
  at::Tensor maps(const at::Tensor& values, std::int64_t views, std::int64_t height, std::int64_t width) const;
};
Selection select(const at::Tensor& mask);  // [B,N] bool

}  // namespace spinfill
