// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/priors/priors.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/warp.h"

namespace spinfill {

// How the references' colours are carried onto the hull.
WarpOptions warp_options(const PriorConfig& config);
HullOptions hull_options(const PriorConfig& config);

// The maps of views from what their pixels see, all but the flipped ones, which need the references' own pictures.
// `eyes` [B,V,3] float32 camera positions; background [B,3].
PriorMaps surface_maps(const Surface& surface, const Warped& warped, const Warped& mirrored, const at::Tensor& eyes,
                       const at::Tensor& background, std::int64_t height, std::int64_t width);

}  // namespace spinfill
