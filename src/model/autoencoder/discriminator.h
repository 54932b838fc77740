// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace spinfill {

// Tells true pictures from decoded ones, patch by patch: the PatchGAN discriminator of Isola, Zhu, Zhou and Efros,
// "Image-to-image translation with conditional adversarial networks", CVPR 2017, §3.2.2 and appendix 6.1.2, without a
// condition. Convolutions of 4×4, three of stride 2; batch norm between, always by the statistics of the batch; leaky
// ReLU of slope 0.2. Parameters are named as in its NLayerDiscriminator.
class PatchDiscriminator {
 public:
  static constexpr std::int64_t kSmallestSide = 24;  // px, of a picture
  // Kernels N(0, 0.02²), norms N(1, 0.02²) as published, each a function of (seed, its name, its shape).
  PatchDiscriminator(std::uint64_t seed, at::Device device, std::int64_t channels = 64);

  at::Tensor forward(const at::Tensor& pictures) const;  // [N,3,H,W] in [−1,1] → [N,1,h,w], higher: truer
  using Parameters = std::vector<std::pair<std::string, at::Tensor>>;
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Layer {
    at::Tensor weight, bias;            // of the convolution; bias undefined where a norm follows
    at::Tensor norm_weight, norm_bias;  // undefined in the first and the last
    std::int64_t stride = 1;
  };
  std::vector<Layer> layers_;
  Parameters parameters_;
};

}  // namespace spinfill
