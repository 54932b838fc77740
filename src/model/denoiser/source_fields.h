// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "data/priors/surface_warp.h"
#include "model/config.h"

namespace spinfill {

// Letters: N target rows, C latent channels, H W pixels, h w latents, f pixels along a latent's side.

// Where a model of OutputForm::sources takes the pixels of target views from. An untrained network, which says 0,
// leaves the hull warp as it is.
struct SourceFields {
  at::Tensor
      correction;       // [N,1,H,W] of the surface's depth along the ray, vehicle lengths (data/priors/surface_warp.h)
  at::Tensor taken;     // [N,1,H,W] m: the share of the hull's coverage that the network takes away; not clamped
  at::Tensor coverage;  // [N,1,H,W] the hull's, times 1 − m
  at::Tensor picture;   // [N,3,H,W] sRGB: what the sources show with both, on the background
};

// What the sources show in the windows of a loss at the photographs' size (data/batches/close_ups.h): m and the
// correction are brought there bilinearly, the sources are looked up in the large pictures. `corner` [N,2], k times as
// large, `surface` of the windows.
SourceFields close_up_fields(const SourceFields& fields, const SurfaceWarp& surface, const at::Tensor& corner,
                             std::int64_t k);

// From the network's channels after F, [N,2f²,h,w]: m, then z with the correction correction_limit·tanh(z).
SourceFields source_fields(const at::Tensor& network, const SurfaceWarp& surface, const ModelConfig& config);

}  // namespace spinfill
