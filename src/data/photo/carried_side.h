// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "geometry/hull/references.h"
#include "geometry/hull/warp.h"

namespace spinfill {

// P pixels of one view that see the hull; R references.

// What all of the references show of a surface, each by itself, or what the mirror side does.
struct CarriedSide {
  std::vector<Warped> sources;      // of each reference
  std::vector<at::Tensor> weights;  // [1,P], in units of the weight at half confidence
  at::Tensor total;                 // [1,P]
  at::Tensor shown;                 // [1,P] cos² of the slant at which each sees it, summed
};

// As warp_colour() carries them. `seen`: reference_maps() of the references. Where `lettered` [1,P] in [0,1] is high,
// a photograph from another side counts, too.
CarriedSide carried_side(const Surface& surface, const at::Tensor& slack, const References& references,
                         const at::Tensor& seen, bool mirror, WarpOptions options, const at::Tensor& lettered);

// Where plates and badges are, [1,P] in [0,1]: the middle of the ends.
at::Tensor lettered_ends(const Surface& surface);

}  // namespace spinfill
