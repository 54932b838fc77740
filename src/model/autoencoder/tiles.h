// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/autoencoder/steps.h"

namespace spinfill {

// run_whole() of one map [1,C,H,W] in less memory, equal to it but for rounding, without gradients. `tile` is the side
// of a tile in pixels of the larger of input and output.
//
// The chain is cut where a map is small enough to be held whole, at most a quarter of the widest one; between two such
// places everything is computed tile by tile, each with as much around it as its result depends on, so that there are
// no seams. A group norm's statistics are those of the whole map: a pass over all tiles as far as the norm adds up its
// sums, and the next passes apply them. A step that needs all of a map is computed whole; cost is one more pass per
// norm between two cuts, about three times the work for Stable Diffusion's decoder.
at::Tensor run_tiled(const Steps& steps, const at::Tensor& x, std::int64_t tile);

}  // namespace spinfill
