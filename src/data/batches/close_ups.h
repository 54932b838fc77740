// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/priors/priors.h"

namespace spinfill {

struct Batch;

// Letters: B sets, V views, H W pixels of the model's pictures, k how many times as large the photographs are taken.
// What a loss at the photographs' size needs: the views' pictures k times as large, and of each target a window of H×W
// of their pixels with what its rays see of a hull that is k times as fine. Nothing here is given to the network.
struct CloseUps {
  at::Tensor colour;       // [B,V,3,kH,kW] as Batch::colour
  at::Tensor alpha;        // [B,V,1,kH,kW]
  at::Tensor intrinsics;   // [B,V,4] float64: fl_x fl_y cx cy, px of kH×kW
  at::Tensor corner;       // [B,V,2] float32: x, y of a window's upper left pixel, px of kH×kW
  at::Tensor truth;        // [B,V,3,H,W] colour in the window; zero where a view is no target, as all below
  at::Tensor truth_alpha;  // [B,V,1,H,W]
  at::Tensor silhouette;   // [B,V,1,H,W] as in PriorMaps
  at::Tensor point;        // [B,V,3,H,W] of the hull, vehicle frame
  at::Tensor normal;       // [B,V,3,H,W]
  at::Tensor direction;    // [B,V,3,H,W] of the rays, unit

  bool defined() const { return colour.defined(); }
  std::vector<at::Tensor*> all();
};

// `large`: the same samples as a batch's, made k times as large (data/batches/make_batch.h). A window's centre is drawn
// from the covered pixels of its target by (seed, sample), so that it is the same on every rank.
CloseUps close_ups(const Batch& large, const PriorConfig& config, std::int64_t k, std::uint64_t seed);
// All zero, of the shapes of a batch of height × width px.
CloseUps blank_close_ups(std::int64_t sets, std::int64_t height, std::int64_t width, std::int64_t k, at::Device device);

}  // namespace spinfill
