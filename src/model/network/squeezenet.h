// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/network/layers.h"

namespace spinfill {

// Networks on the features of SqueezeNet 1.1 as torchvision publishes it: registered as "features", with torchvision's
// keys. What else a network has is its head.

// SqueezeNet's fire module (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016,
// §3.1): 1×1 to few channels, then 1×1 and 3×3 side by side.
class FireImpl : public torch::nn::Module {
 public:
  FireImpl(std::int64_t in, std::int64_t squeeze, std::int64_t out, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x);

 private:
  Conv2d squeeze_{nullptr}, expand1x1_{nullptr}, expand3x3_{nullptr};
};
TORCH_MODULE(Fire);

// The features, the first convolution padded by one.
class SqueezeNetImpl : public torch::nn::Module {
 public:
  explicit SqueezeNetImpl(const at::TensorOptions& tensors);
  // pictures [N,3,H,W], sRGB in [0,1] → what each resolution ends with, [N,C,h,w] of C = kChannels and, of even sizes,
  // ½, ¼, ⅛ and 1/16 of H W (of others half of it rounded up each time).
  std::vector<at::Tensor> forward(const at::Tensor& pictures);
  static constexpr std::int64_t kChannels[] = {64, 128, 256, 512};

 private:
  Conv2d conv_{nullptr};
  std::vector<Fire> fires_;
};
TORCH_MODULE(SqueezeNet);

// Between two resolutions: 3×3, stride 2.
at::Tensor squeezenet_pooled(const at::Tensor& x);

// Parameters of the layers that see edges and textures, which a training leaves as they are; the rest of the features;
// the head.
enum class NetworkPart { early, features, head };
std::vector<std::pair<std::string, at::Tensor>> parameters_of(const torch::nn::Module& network, NetworkPart part);

// Draws the head from the seed and takes the features from a SqueezeNet 1.1: the state dict of torchvision's
// squeezenet1_1 or of the `lpips` package's LPIPS(net='squeeze') as safetensors. Norms begin as they are, biases and
// the layer named "out" at zero. Exit 3 names the file and the keys that it lacks; `what`: "the azimuth network".
void begin_on_features(const torch::nn::Module& network, const std::filesystem::path& weights, std::uint64_t seed,
                       const char* what);
}  // namespace spinfill
