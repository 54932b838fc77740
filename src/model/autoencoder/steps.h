// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "model/network/layers.h"

namespace spinfill {

// An encoder or decoder as a chain of steps, so that the same code computes a picture whole, with gradients, or tile by
// tile (model/autoencoder/tiles.h).

// A feature map on its way [N,C,h,w], and inside a residual block what is added to it at the block's end.
struct FeatureMap {
  at::Tensor x, kept;
};

// How a step's group norm is computed: with the statistics of the map it is given, or of the map that this is a part
// of.
using Normalise = std::function<at::Tensor(const GroupNorm& norm, const at::Tensor& x)>;

struct Step {
  std::function<FeatureMap(const FeatureMap& in, const Normalise& normalise)> run;
  GroupNorm norm{nullptr};    // the one it begins with, where it has one: the only part of it that is not local
  std::int64_t channels = 0;  // C of what comes out
  std::int64_t up = 1;        // what comes out is so many times larger …
  std::int64_t down = 1;      // … or smaller
  std::int64_t reach = 0;     // pixels that an output depends on beyond those it covers, to each side
  bool inside_block = false;  // FeatureMap::kept holds something afterwards
  bool needs_all = false;     // attention: every output depends on every input
};
using Steps = std::vector<Step>;

at::Tensor run_whole(const Steps& steps, const at::Tensor& x);

}  // namespace spinfill
