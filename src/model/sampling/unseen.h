// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "data/batches/batch.h"
#include "model/config.h"
#include "model/denoiser/target_windows.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// Where sampling goes on after the regression with SampledPlaces::unseen: on the hull where no reference shows it,
// directly or through the mirror plane; in a view that is made from its own mirror view, nowhere; without any
// reference, and of a batch without memory (at::kMeta) everywhere.
struct UnseenPlaces {
  at::Tensor weight;      // [T,1,h,w] float32 in [0,1]: 1 sampled, 0 regressed, soft between
  TargetWindows windows;  // around all that is above 0, targets without any left out
};
// Of a batch of one set, in the order of its layout's targets. `step`: latents that windows begin and end at the
// multiples of. Spots narrower than 2 % of the picture's width are not counted as unseen.
UnseenPlaces unseen_places(const Batch& batch, const at::Tensor& target_rows, const ModelConfig& model,
                           std::int64_t factor, std::int64_t step);

// SampledPlaces::unseen needs a model that corrects a prior image and the cache of references (else exit 2).
void require_places(const ModelConfig& model, const SamplerConfig& config);

}  // namespace spinfill
