// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace spinfill {

// Letters: B sets, V views, R references (the largest count in the batch; sets with fewer are padded), H W pixels.

// The references of B sets, one after another. Made by gather_references, so it holds nothing of a target.
struct References {
  at::Tensor index;                // [B,R] int64, the view's slot
  at::Tensor valid;                // [B,R] bool; false: padding
  at::Tensor premultiplied;        // [B,R,4,H,W] float32: colour·alpha (no background in it) and alpha
  at::Tensor vehicle_from_camera;  // [B,R,4,4] float64
  at::Tensor intrinsics;           // [B,R,4] float64, px of H×W

  std::int64_t count() const { return index.size(1); }
  at::Tensor alpha() const;                             // [B,R,1,H,W]
  at::Tensor gather(const at::Tensor& per_view) const;  // [B,V,...] → [B,R,...]
};

// colour [B,V,3,H,W] composited on background [B,3], alpha [B,V,1,H,W], is_reference [B,V] bool (on the processor, or
// where the pictures are). The colour and alpha of all other views are dropped here; even NaN there reaches nothing.
References gather_references(const at::Tensor& colour, const at::Tensor& alpha, const at::Tensor& background,
                             const at::Tensor& is_reference, const at::Tensor& vehicle_from_camera,
                             const at::Tensor& intrinsics);

}  // namespace spinfill
