// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/trained_autoencoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "model/autoencoder/network.h"
#include "model/network/copy_state.h"
#include "model/network/initial_values.h"

namespace spinfill {

TrainedAutoencoder::TrainedAutoencoder(const AutoencoderFile& file, AutoencoderPart part, at::Device device)
    : architecture_(file.architecture), part_(part), device_(device) {
  const std::string what = fmt::format("the autoencoder {} of its description", name_of(architecture_.kind));
  // Compared before anything of its size is allocated.
  for (const at::Device there : {at::Device(at::kMeta), device}) {
    network_ = make_network(architecture_, at::TensorOptions().dtype(at::kFloat).device(there));
    TensorMap own;
    for (const auto& [name, parameter] : parameters()) {
      at::Tensor(parameter).set_requires_grad(false);
      own[name] = parameter;
    }
    copy_state(own, file.tensors, file.where, what, "give weights and description of one model");
  }
  choose_trained();
}

TrainedAutoencoder::TrainedAutoencoder(const AutoencoderArchitecture& architecture, std::uint64_t seed,
                                       AutoencoderPart part, at::Device device)
    : architecture_(architecture),
      part_(part),
      device_(device),
      network_(make_network(architecture, at::TensorOptions().dtype(at::kFloat).device(device))) {
  const at::NoGradGuard no_grad;
  for (const auto& item : network_->named_modules("", false)) {
    for (const InitialValue& initial : initial_values_of(item.key(), *item.value()))
      at::Tensor(initial.parameter).copy_(drawn(initial, seed));
  }
  choose_trained();
}

void TrainedAutoencoder::choose_trained() const {
  for (const auto& [name, parameter] : parameters()) at::Tensor(parameter).set_requires_grad(is_trained(name));
}

TrainedAutoencoder::Encoded TrainedAutoencoder::encode(const at::Tensor& pictures, const at::Tensor& noise) const {
  if (part_ == AutoencoderPart::decoder) {
    const at::NoGradGuard no_grad;
    return {network_->encode(pictures), {}};
  }
  const auto* kl = dynamic_cast<const AutoencoderKL*>(network_.get());
  if (kl == nullptr) return {network_->encode(pictures), {}};
  const AutoencoderKL::Posterior posterior = kl->posterior(pictures);
  const at::Tensor latents = noise.defined() ? posterior.sample(noise) : posterior.mean;
  return {(latents - architecture_.shift_factor) * architecture_.scaling_factor, posterior.divergence()};
}

at::Tensor TrainedAutoencoder::decode(const at::Tensor& latents) const {
  return network_->decode(latents);
}

TrainedAutoencoder::Parameters TrainedAutoencoder::parameters() const {
  Parameters list;
  for (const auto& item : network_->named_parameters()) list.emplace_back(item.key(), item.value());
  return list;
}

bool TrainedAutoencoder::is_trained(const std::string& name) const {
  return part_ == AutoencoderPart::all || name.starts_with("decoder.") || name.starts_with("post_quant_conv.");
}

TrainedAutoencoder::Parameters TrainedAutoencoder::trained() const {
  Parameters list = parameters();
  std::erase_if(list, [&](const auto& parameter) { return !is_trained(parameter.first); });
  return list;
}

at::Tensor TrainedAutoencoder::last_layer() const {
  at::Tensor last;  // layers are registered in the order in which they are computed
  for (const auto& [name, parameter] : parameters())
    if (name.starts_with("decoder.") && name.ends_with(".weight")) last = parameter;
  return last;
}

bool TrainedAutoencoder::samples() const {
  return architecture_.kind == AutoencoderKind::kl && part_ == AutoencoderPart::all;
}

}  // namespace spinfill
