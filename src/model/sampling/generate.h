// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// Called after every evaluation of the network: evaluations done, evaluations in all.
using SamplerProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Evaluations of the network for a batch in which each set has `targets` views to generate, 0 or more; normals of
// references, which may come first, not counted (model/sampling/reference_normals.h).
std::int64_t evaluations(std::int64_t targets, const SamplerConfig& config, const ModelConfig& model);

// Pictures [B,V,3,H,W] float32 in [0,1] on the denoiser's device: reference slots hold the given pictures bit for bit,
// target slots the generated ones, absent slots 0. Noise is a function of (seed, batch.samples[b], slot), so a sample's
// result does not depend on what else is in the batch: on the processor, whose kernels round otherwise for other batch
// sizes, each sample is computed by itself, to the last bit; on a GPU all are computed together, to rounding, but for
// SampledPlaces::unseen. The batch needs its priors; colour, alpha and normals of targets are never read. The batch
// must be on the denoiser's device. `fields`: with OutputForm::sources, where the pixels of targets are from, as the
// last evaluation of the network says. With model.normals: the generated normals, and those that references were given
// or got first.
struct TargetFields {
  at::Tensor correction, coverage;  // [B,V,1,H,W] as in SourceFields, coverage within [0,1]; 0 but in target slots
  at::Tensor normals;  // [B,V,3,H,W] in [−1,1], vehicle frame, not normalised; 0 where none is; undefined without
};
at::Tensor generate(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config, std::uint64_t seed,
                    const SamplerProgress& progress = {}, TargetFields* fields = nullptr);

}  // namespace spinfill
