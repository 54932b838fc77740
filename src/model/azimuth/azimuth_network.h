// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/network/layers.h"

namespace spinfill {

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

// From which direction a vehicle is seen: the features of torchvision's SqueezeNet 1.1 (the first convolution padded by
// one), reduced to few channels that keep their places, and two linear layers.
class AzimuthNetworkImpl : public torch::nn::Module {
 public:
  explicit AzimuthNetworkImpl(const at::TensorOptions& tensors);
  // windows [N,3,112,168], sRGB in [0,1] → logits [N,72] (model/azimuth/azimuth_bins.h). `keep` [N,128], where defined,
  // multiplies the hidden layer: a training's dropout.
  at::Tensor forward(const at::Tensor& windows, const at::Tensor& keep = {});

  static constexpr std::int64_t kHidden = 128;
  TensorMap state() const;  // parameters by name
  // Parameters of the layers that see edges and textures, which a training leaves as they are; the rest of the
  // features; the head.
  enum class Part { early, features, head };
  std::vector<std::pair<std::string, at::Tensor>> part(Part part) const;

 private:
  Conv2d conv_{nullptr}, reduce_{nullptr};
  std::vector<Fire> fires_;
  Linear hidden_{nullptr}, out_{nullptr};
};
TORCH_MODULE(AzimuthNetwork);

// A network whose head is drawn from the seed and whose features are those of a SqueezeNet 1.1: the state dict of
// torchvision's squeezenet1_1 or of the `lpips` package's LPIPS(net='squeeze') as safetensors. Exit 3 names the file
// and the keys that it lacks.
AzimuthNetwork azimuth_network_on_features(const std::filesystem::path& weights, std::uint64_t seed);
// With all weights; strict: missing, unexpected, mis-shaped keys and values that are not finite are one error (exit 3).
AzimuthNetwork azimuth_network_of(const TensorMap& state, const std::string& where);

}  // namespace spinfill
