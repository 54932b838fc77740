// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/config/config.h"
#include "model/autoencoder/discriminator.h"
#include "model/autoencoder/trained_autoencoder.h"
#include "model/perceptual_distance.h"

namespace spinfill {

// What the training of an autoencoder minimises, as Rombach et al. 2022 (§3.1, appendix G) and Esser, Rombach and
// Ommer, "Taming transformers for high-resolution image synthesis", CVPR 2021, eq. 6 and 7, do. Letters: N pictures of
// H×W; e is the error of a colour in [−1,1].
struct AutoencoderLossOptions {
  double foreground_weight = 4;              // weight of |e| inside the vehicle; 1 outside
  double lpips = 0;                          // weight of LPIPS beside the mean |e|
  double kl = 1e-6;                          // weight of the posterior's divergence, nats per value of the picture
  double discriminator = 0;                  // weight of −D(decoded) beside the adaptive one
  std::int64_t discriminator_channels = 64;  // of its first layer
  std::int64_t discriminator_from = 0;       // step from which the discriminator is trained and counts
  void bind(Fields& f);
};

// Mean of |e| over each picture's values, weighted by 1 + (weight − 1)·coverage: [N,3,H,W], [N,1,H,W] → [N].
at::Tensor weighted_l1(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& coverage,
                       double foreground_weight);

// The discriminator's loss on what it says of true and of decoded pictures: ½(mean max(0, 1 − r) + mean max(0, 1 + d))
// (Lim & Ye, "Geometric GAN", 2017, eq. 9). → []
at::Tensor hinge_loss(const at::Tensor& of_true, const at::Tensor& of_decoded);

// How much the adversarial gradient counts: ‖∇L_rec‖ / (‖∇L_adv‖ + 10⁻⁴) at the decoder's last layer, at most 10⁴
// (Esser et al. 2021, eq. 7, with the constants of their program). → []
at::Tensor adaptive_weight(const at::Tensor& reconstruction_norm, const at::Tensor& adversarial_norm);

// A micro-batch, on the autoencoder's device.
struct AutoencoderPass {
  at::Tensor pictures;  // [N,3,H,W] in [0,1], on their background
  at::Tensor coverage;  // [N,1,H,W] in [0,1]
  at::Tensor noise;     // [N,C,h,w] where the autoencoder samples
};

// What came of it. A term that does not count is NaN.
struct AutoencoderTerms {
  double loss = 0;  // of the autoencoder, all terms with their weights
  double l1 = 0, lpips = 0, kl = 0, adversarial = 0, discriminator = 0, adaptive = 0;
};
struct AutoencoderGradients {
  AutoencoderTerms terms;
  std::vector<at::Tensor> of_autoencoder;    // in the order of trained()
  std::vector<at::Tensor> of_discriminator;  // in the order of its parameters; empty without one
};

// Gradients of the means over the micro-batch. `discriminator` may be null: then that part does not count. The adaptive
// weight and the discriminator's batch norms are of this micro-batch alone. `perceptual` is needed where options.lpips
// is above 0. Nothing is added to the parameters' own gradients, so that several threads may run at once.
AutoencoderGradients autoencoder_gradients(const TrainedAutoencoder& autoencoder,
                                           const PatchDiscriminator* discriminator, const AutoencoderPass& pass,
                                           const AutoencoderLossOptions& options, const PerceptualDistance& perceptual);

}  // namespace spinfill
