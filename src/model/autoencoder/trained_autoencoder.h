// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/config/named.h"
#include "model/autoencoder/files.h"

namespace spinfill {

// What of an autoencoder is trained: with the decoder alone latents stay as they are.
enum class AutoencoderPart { all, decoder };
template <>
inline constexpr Named<AutoencoderPart> kNamesOf<AutoencoderPart>[] = {{AutoencoderPart::all, "all"},
                                                                       {AutoencoderPart::decoder, "decoder"}};

// An autoencoder in training, in float32; model/autoencoder/autoencoder.h has those whose weights stay. N pictures of
// H×W, latents of C channels and h×w. Copies share the weights.
class TrainedAutoencoder {
 public:
  // Begins with a file's weights. Errors (exit 3) name file.where: weights that are not those of the architecture.
  TrainedAutoencoder(const AutoencoderFile& file, AutoencoderPart part, at::Device device);
  // Begins with random weights (model/network/initial_values.h).
  TrainedAutoencoder(const AutoencoderArchitecture& architecture, std::uint64_t seed, AutoencoderPart part,
                     at::Device device);

  struct Encoded {
    at::Tensor latents;     // [N,C,h,w], as a denoiser is given them
    at::Tensor divergence;  // [N] of the posterior from the unit normal distribution; undefined without one
  };
  // [N,3,H,W] in [−1,1]. `noise` [N,C,h,w] of unit variance samples the posterior of kl (reparametrisation, Kingma &
  // Welling 2014, §2.4); undefined, and for tiny: the mean, what others encode to. Where the encoder is not trained
  // nothing is kept for its gradients.
  Encoded encode(const at::Tensor& pictures, const at::Tensor& noise = {}) const;
  at::Tensor decode(const at::Tensor& latents) const;  // → [N,3,H,W] in about [−1,1]

  using Parameters = std::vector<std::pair<std::string, at::Tensor>>;  // by diffusers' names
  Parameters parameters() const;
  Parameters trained() const;
  at::Tensor last_layer() const;  // the kernel of the decoder's last convolution
  bool samples() const;           // whether encode() takes noise: kl with its encoder trained
  const AutoencoderArchitecture& architecture() const { return architecture_; }
  at::Device device() const { return device_; }

 private:
  bool is_trained(const std::string& name) const;
  void choose_trained() const;
  AutoencoderArchitecture architecture_;
  AutoencoderPart part_ = AutoencoderPart::all;
  at::Device device_;
  std::shared_ptr<class AutoencoderNetwork> network_;
};

}  // namespace spinfill
