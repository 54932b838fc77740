// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "model/autoencoder/architecture.h"
#include "model/autoencoder/steps.h"

namespace spinfill {

// An autoencoder's network; parameters named and shaped as in diffusers' class of the same name. N pictures of H×W,
// latents of C channels and h×w; H and W are multiples of the factor, or (KL's encoder, tiny's) are rounded as by
// diffusers.
class AutoencoderNetwork : public torch::nn::Module {
 public:
  // tile > 0: one picture after the other in tiles of so many pixels (model/autoencoder/tiles.h), without gradients.
  at::Tensor encode(const at::Tensor& pictures, std::int64_t tile = 0) const;  // [N,3,H,W] in [−1,1] → [N,C,h,w]
  at::Tensor decode(const at::Tensor& latents, std::int64_t tile = 0) const;   // [N,C,h,w] → [N,3,H,W]

 protected:
  explicit AutoencoderNetwork(const AutoencoderArchitecture& architecture) : architecture_(architecture) {}
  // What the encoder's steps give → the latents before shift and scale.
  virtual at::Tensor latents_of(const at::Tensor& encoded) const { return encoded; }

  AutoencoderArchitecture architecture_;
  Steps encoder_steps_, decoder_steps_;
};

// diffusers' AutoencoderTiny: TAESD (Boer Bohan 2023) and its kin.
class AutoencoderTiny : public AutoencoderNetwork {
 public:
  AutoencoderTiny(const AutoencoderArchitecture& architecture, const at::TensorOptions& tensors);
};

// The autoencoder of Rombach et al. 2022 (§3.1), diffusers' AutoencoderKL.
class AutoencoderKL : public AutoencoderNetwork {
 public:
  AutoencoderKL(const AutoencoderArchitecture& architecture, const at::TensorOptions& tensors);
  // Of the normal distribution that a picture is encoded to, unscaled; encode() takes the mean.
  struct Posterior {
    at::Tensor mean, log_variance;                     // [N,C,h,w], the latter within [−30,20]
    at::Tensor sample(const at::Tensor& noise) const;  // mean + exp(log_variance/2)·noise
    at::Tensor divergence() const;                     // [N] from the unit normal distribution (Kingma & Welling 2014)
  };
  Posterior posterior(const at::Tensor& pictures) const;

 protected:
  at::Tensor latents_of(const at::Tensor& encoded) const override;
};

// Weights unset.
std::shared_ptr<AutoencoderNetwork> make_network(const AutoencoderArchitecture& architecture,
                                                 const at::TensorOptions& tensors);

}  // namespace spinfill
