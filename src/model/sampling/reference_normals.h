// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// Whether generating from this batch begins with normals: model.normals and sampler.reference_normals are on, and a
// reference has none.
bool lacks_reference_normals(const Batch& batch, const SamplerConfig& config, const ModelConfig& model);

// The first of the three steps in which a spin is made of photographs (Galanakis et al. 2025, "SpinMeRound"): the same
// batch with normals for every reference that has none. Each is generated, all together, as a target with the camera of
// its reference, whose picture's channels are known (TargetSampling::pictures_known); the references themselves stay
// references without normals. Takes evaluations(1, …) evaluations of the network, each followed by `evaluated`.
Batch with_reference_normals(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                             std::uint64_t seed, const std::function<void()>& evaluated = {});

}  // namespace spinfill
