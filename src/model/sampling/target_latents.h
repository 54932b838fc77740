// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// How a batch's targets are sampled. Noise is a function of (seed, batch.samples[b], slot, pictures_known).
struct TargetSampling {
  std::uint64_t seed = 0;
  // With model.normals: the targets' pictures are known and only their normals are sampled, by inpainting along
  // channels (Lugmayr et al. 2022, "RePaint", eq. 8, with channels for places): the picture's channels of D are the
  // known latents y. All solvers then hold them at y + σ·ε, ε the noise that they began with, at every level σ, and end
  // at y itself.
  bool pictures_known = false;
  std::function<void()> evaluated = {};  // called after every evaluation of the network
};

struct TargetLatents {
  at::Tensor latents;   // [ΣT,S,h,w]
  at::Tensor rows;      // [ΣT] int64 of the batch's views
  SourceFields fields;  // of the last evaluation, with OutputForm::sources
};
// The batch and its priors are on the denoiser's device.
TargetLatents sample_targets(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                             const TargetSampling& how);

}  // namespace spinfill
