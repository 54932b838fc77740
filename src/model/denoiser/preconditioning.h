// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "model/config.h"
#include "model/denoiser/conditioning.h"
#include "model/denoiser/source_fields.h"

namespace spinfill {

// The equations between the network F and the denoiser D, for N noisy targets x [N,C,h,w] with levels sigma [N].

// What D is made of besides the network's output, for every row; undefined tensors where no prior image is corrected.
struct OutputParts {
  at::Tensor base, scale, blend, gate, shown;  // as in Conditioning
  std::shared_ptr<const SurfaceWarp> surface;
};
OutputParts output_parts(const Conditioning& conditioning, std::int64_t draws);

// Noisy latents as the network sees them. EDM: c_in·x, c_in = 1/√(σ² + σ_d²) (Karras et al. 2022, table 1); epsilon and
// v: the same with σ_d = 1, which is √ᾱ·x, the variance-preserving sample.
// prior-residual: the same for the residual x − base with its own scale s for σ_d; at σ_max, where x says nothing of
// the picture, zero, so that a single step is a function of the conditions alone.
at::Tensor scaled_input(const at::Tensor& x, const at::Tensor& sigma, const OutputParts& parts,
                        const ModelConfig& config);

// What goes through the sinusoids [N]. log-sigma: c_noise = ¼ ln σ, times 100: it spans about ±1.6, the sinusoids are
// made for hundreds. timestep: the t with σ_t = σ of Stable Diffusion's schedule, between them by ln σ, ends held: σ_t
// = √((1 − ᾱ_t)/ᾱ_t), ᾱ_t = Π (1 − β_s), √β from √0.00085 to √0.012 in 1000 equal steps (Rombach et al. 2022).
at::Tensor noise_level_input(const at::Tensor& sigma, const ModelConfig& config);

// D from the network's output F. EDM: c_skip·x + c_out·F with c_skip = σ_d²/(σ² + σ_d²), c_out = σ·σ_d/√(σ² + σ_d²).
// epsilon (Ho et al. 2020): x − σ·F. v (Salimans & Ho 2022, appendix D): x/(σ² + 1) − σ/√(σ² + 1)·F.
// prior-residual: base + g·(s·F + Σ m·(picture − base)), m the channels after F's. sources: the latents of
// SourceFields::picture + g·s·F; where a trained network makes the latents base + g·s·F, since that picture is not
// encoded anew at every step. `fields`, where asked for, are SourceFields.
at::Tensor denoised(const at::Tensor& x, const at::Tensor& network, const at::Tensor& sigma, const OutputParts& parts,
                    const ModelConfig& config, const Autoencoder& autoencoder, SourceFields* fields = nullptr);

// Weight λ(σ) of the squared error of D [N], scale [N] the rows' own. EDM (scale undefined): λ = (σ² + σ_d²)/(σ·σ_d)²,
// so that F's squared error has weight 1; so with v (σ_d = 1) and epsilon (λ = 1/σ²). prior-residual: the same with s
// for σ_d, which gives it the weight 1 + s²/σ²; clipped.
at::Tensor squared_error_weight(const at::Tensor& sigma, const at::Tensor& scale, const ModelConfig& config);

}  // namespace spinfill
