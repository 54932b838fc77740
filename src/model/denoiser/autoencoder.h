// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "model/config.h"

namespace spinfill {

// Pictures to latents and back. N pictures of H×W, latents of C channels and h×w.
class Autoencoder {
 public:
  virtual ~Autoencoder() = default;
  virtual at::Tensor encode(const at::Tensor& pictures) const = 0;  // [N,3,H,W] in [−1,1] → [N,C,h,w]
  virtual at::Tensor decode(const at::Tensor& latents) const = 0;   // [N,C,h,w] → [N,3,H,W] in about [−1,1]
  // Weight of each latent value from a weight per pixel: [N,1,H,W] → broadcastable to [N,C,h,w].
  virtual at::Tensor pixel_weights(const at::Tensor& weights) const = 0;
  virtual std::int64_t factor() const = 0;    // H / h
  virtual std::int64_t channels() const = 0;  // C
};

// The one that the configuration names.
std::unique_ptr<Autoencoder> make_autoencoder(const ModelConfig& config);

// [N,C,H,W] → [N,C·f²,H/f,W/f], bit for bit invertible; H and W must be multiples of f.
at::Tensor space_to_depth(const at::Tensor& maps, std::int64_t factor);
at::Tensor depth_to_space(const at::Tensor& maps, std::int64_t factor);

}  // namespace spinfill
