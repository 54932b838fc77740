// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

// Letters: B sets, R references, P pixels that see the hull, H W pixels.

struct WarpOptions {
  double frontal_power = 2;   // > 0: weight cosᵃ of the angle between the normal and the direction to the reference
  double closeness = 12;      // weight exp(−k·(1 − cos of the angle between the two views))
  double half_weight = 0.02;  // the weight at which confidence reaches ½
  bool bicubic = false;       // colour and alpha looked up between pixels by cubic convolution, else bilinear
};

// What a reference shows: its premultiplied colour and alpha, and of its own depth map, for the occlusion test,
// depth·hit and hit. [B,R,6,H,W] float32; on the processor the channels of a pixel lie side by side in memory.
at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width);

struct Warped {
  at::Tensor colour;      // [B,P,3] without background; 0 where no reference sees the point
  at::Tensor confidence;  // [B,P] in [0,1): w/(w + half_weight) for the summed weight w of the references that see it
};

// The references' colour at the surface points: each point is projected into every reference and taken where that
// reference's own depth says that it is in sight, weighted by how frontally the reference sees it and how close the
// two viewing directions are (Debevec et al. 1998, view-dependent texture mapping; Buehler et al. 2001, unstructured
// lumigraph rendering). Colours are premultiplied by alpha, so no background bleeds in. With mirror, the point, its
// normal and its viewing direction are first reflected in Y = 0. `slack` [B]: depth difference that is
// still the same surface, vehicle lengths; Hull::slack() of the hull itself. Differentiable in surface.point.
Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options);

}  // namespace spinfill
