// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "model/sampling/generate.h"

namespace spinfill {

// Generated views with coverage. A model of OutputForm::sources gives it; of others it comes by difference matting with
// two known backgrounds (Smith & Blinn, "Blue screen matting", SIGGRAPH 1996, §4.2): the views are generated with the
// same noise on the model's background and on one far from it. The colours are those of the first: composited on it
// again they are, rounded to 8 bits, the very pictures that are scored; where the network's noise leaves less coverage
// than that needs, coverage is raised.
struct Matted {
  at::Tensor rgba;      // [T,4,H,W] float32, premultiplied; coverage in whole 255ths; targets in the order of is_target
  double residual = 0;  // mean absolute difference of the colour channels' mattes: 0 for a perfect one
  at::Tensor normals;   // [T,3,H,W] as in TargetFields, with model.normals
  at::Tensor correction;  // [T,1,H,W] of the surface's depth, with OutputForm::sources (SourceFields)
};

// The second background, [B,3]: of black and white, in each channel what is farther from `background`.
at::Tensor far_background(const at::Tensor& background);

// Pictures [T,3,H,W] on backgrounds [T,3] with this matte [T,1,H,W], raised where they need more coverage.
at::Tensor with_matte(const at::Tensor& pictures, const at::Tensor& background, const at::Tensor& matte);

// Of pictures [T,3,H,W] on two backgrounds [T,3].
Matted difference_matte(const at::Tensor& on_background, const at::Tensor& background, const at::Tensor& on_far,
                        const at::Tensor& far);

// The targets of a batch with priors, on the model's device; `priors` says how they are made for the second background.
// The result lies on the CPU.
Matted generate_matted(const Denoiser& denoiser, const Batch& batch, const PriorConfig& priors,
                       const SamplerConfig& config, std::uint64_t seed, const SamplerProgress& progress = {});

at::Tensor in_8_bits(const at::Tensor& x);  // float64, in whole 255ths of [0,1]

// Premultiplied RGBA [T,4,H,W] on backgrounds [T,3], as it is once it was stored with straight alpha in 8 bits:
// [T,3,H,W] float64 in whole 255ths.
at::Tensor composited_8_bits(const at::Tensor& rgba, const at::Tensor& background);

// Rows [T,3] of the targets' backgrounds.
at::Tensor target_backgrounds(const Batch& batch);

}  // namespace spinfill
