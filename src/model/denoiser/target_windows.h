// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/denoiser/conditioning.h"

namespace spinfill {

// Parts of some of a sample's targets, of one size for all of them: what the network computes in place of whole views.
// The network is convolutional and is told each place's ray, so that a window is a smaller picture to it; references
// are attended to whole.
struct TargetWindows {
  at::Tensor which;                    // [K] int64 into the sample's targets, ascending
  at::Tensor rows, columns;            // [K] int64: of the first latents
  std::int64_t height = 0, width = 0;  // latents
  std::int64_t count() const { return which.defined() ? which.size(0) : 0; }

  // Windows of maps of all targets [T,…,h,w], [K,…,height,width]; maps of one place stay so.
  at::Tensor of(const at::Tensor& maps) const;
  // `maps` with the windows replaced. `scale`: places of the maps along a latent's side.
  at::Tensor put(const at::Tensor& maps, const at::Tensor& windows, std::int64_t scale = 1) const;
};

// What the network is told of the windows alone. `factor`: pixels along a latent's side. Of one sample.
Conditioning condition_windows(const Conditioning& conditioning, const TargetWindows& windows, std::int64_t factor);

}  // namespace spinfill
