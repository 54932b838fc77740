// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>

#include "core/tensors/safetensors.h"
#include "model/network/copy_state.h"
#include "model/network/layers.h"
#include "model/network/squeezenet.h"

namespace spinfill {

// From which direction a vehicle is seen: the features of SqueezeNet 1.1, reduced to few channels that keep their
// places, and two linear layers.
class AzimuthNetworkImpl : public torch::nn::Module {
 public:
  explicit AzimuthNetworkImpl(const at::TensorOptions& tensors);
  // windows [N,3,112,168], sRGB in [0,1] → logits [N,72] (model/azimuth/azimuth_bins.h). `keep` [N,128], where defined,
  // multiplies the hidden layer: a training's dropout.
  at::Tensor forward(const at::Tensor& windows, const at::Tensor& keep = {});

  static constexpr std::int64_t kHidden = 128;
  TensorMap state() const { return parameters_by_name(*this); }

 private:
  SqueezeNet features_{nullptr};
  Conv2d reduce_{nullptr};
  Linear hidden_{nullptr}, out_{nullptr};
};
TORCH_MODULE(AzimuthNetwork);

// As begin_on_features() and copy_state() say (model/network/); it begins as a uniform distribution.
AzimuthNetwork azimuth_network_on_features(const std::filesystem::path& weights, std::uint64_t seed);
AzimuthNetwork azimuth_network_of(const TensorMap& state, const std::string& where);

}  // namespace spinfill
