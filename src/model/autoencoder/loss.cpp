// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/loss.h"

#include <ATen/ATen.h>

#include <cmath>

#include <torch/csrc/autograd/autograd.h>

namespace spinfill {
namespace {

constexpr double kNormFloor = 1e-4, kMostAdaptive = 1e4;

std::vector<at::Tensor> tensors_of(const TrainedAutoencoder::Parameters& parameters) {
  std::vector<at::Tensor> list;
  for (const auto& [name, tensor] : parameters) list.push_back(tensor);
  return list;
}

at::Tensor gradient_at(const at::Tensor& loss, const at::Tensor& layer) {
  return torch::autograd::grad({loss}, {layer}, {}, /*retain_graph=*/true).front();
}

}  // namespace

void AutoencoderLossOptions::bind(Fields& f) {
  f.number("foreground_weight", foreground_weight, "Weight of an error inside the vehicle; 1 outside", 1, 1000);
  f.number("lpips", lpips, "Weight of LPIPS beside the mean error; needs evaluation.lpips.weights. 0: none", 0, 1000);
  f.number("kl", kl, "Weight of the posterior's divergence per value of the picture (kl with train.part all)", 0, 1000);
  f.number("discriminator", discriminator,
           "Weight of a discriminator of patches beside the adaptive weight; 0: none, 0.5 as in Stable Diffusion's", 0,
           1000);
  f.number("discriminator_channels", discriminator_channels, "Channels of the discriminator's first layer", 1, 1024);
  f.number("discriminator_from", discriminator_from, "Step from which the discriminator is trained and counts", 0,
           std::int64_t{1} << 40);
}

at::Tensor weighted_l1(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& coverage,
                       double foreground_weight) {
  const at::Tensor weights = 1 + (foreground_weight - 1) * coverage;
  const auto channels = static_cast<double>(pictures.size(1));
  return ((pictures - truths).abs() * weights).sum({1, 2, 3}) / (channels * weights.sum({1, 2, 3}));
}

at::Tensor hinge_loss(const at::Tensor& of_true, const at::Tensor& of_decoded) {
  return (at::relu(1 - of_true).mean() + at::relu(1 + of_decoded).mean()) / 2;
}

at::Tensor adaptive_weight(const at::Tensor& reconstruction_norm, const at::Tensor& adversarial_norm) {
  return (reconstruction_norm / (adversarial_norm + kNormFloor)).clamp(0, kMostAdaptive);
}

AutoencoderGradients autoencoder_gradients(const TrainedAutoencoder& autoencoder,
                                           const PatchDiscriminator* discriminator, const AutoencoderPass& pass,
                                           const AutoencoderLossOptions& options,
                                           const PerceptualDistance& perceptual) {
  AutoencoderGradients out;
  AutoencoderTerms& terms = out.terms;
  terms.lpips = terms.kl = terms.adversarial = terms.discriminator = terms.adaptive = std::nan("");
  const at::Tensor truths = pass.pictures * 2 - 1;
  const TrainedAutoencoder::Encoded encoded = autoencoder.encode(truths, pass.noise);
  const at::Tensor decoded = autoencoder.decode(encoded.latents);

  // ---- Reconstruction, and the price of the posterior.
  const at::Tensor l1 = weighted_l1(decoded, truths, pass.coverage, options.foreground_weight).mean();
  terms.l1 = l1.item<double>();
  at::Tensor reconstruction = l1;
  if (options.lpips > 0) {
    const at::Tensor distance = perceptual((decoded + 1) / 2, pass.pictures).mean();
    terms.lpips = distance.item<double>();
    reconstruction = reconstruction + options.lpips * distance;
  }
  at::Tensor loss = reconstruction;
  if (encoded.divergence.defined()) {
    const at::Tensor nats = encoded.divergence.mean() / static_cast<double>(truths[0].numel());
    terms.kl = nats.item<double>();
    if (options.kl > 0) loss = loss + options.kl * nats;
  }

  // ---- What the discriminator holds of it.
  if (discriminator != nullptr) {
    const at::Tensor adversarial = -discriminator->forward(decoded).mean(), last = autoencoder.last_layer();
    const at::Tensor weight =
        adaptive_weight(gradient_at(reconstruction, last).norm(), gradient_at(adversarial, last).norm());
    terms.adversarial = adversarial.item<double>();
    terms.adaptive = weight.item<double>();
    loss = loss + options.discriminator * weight.detach() * adversarial;
  }
  terms.loss = loss.item<double>();
  out.of_autoencoder = torch::autograd::grad({loss}, tensors_of(autoencoder.trained()), {}, {}, false,
                                             /*allow_unused=*/true);
  if (discriminator != nullptr) {
    const at::Tensor own = hinge_loss(discriminator->forward(truths), discriminator->forward(decoded.detach()));
    terms.discriminator = own.item<double>();
    out.of_discriminator = torch::autograd::grad({own}, tensors_of(discriminator->parameters()));
  }
  return out;
}

}  // namespace spinfill
