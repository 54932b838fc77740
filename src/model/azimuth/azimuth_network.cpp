// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_network.h"

#include <ATen/ATen.h>

#include "model/azimuth/azimuth_bins.h"

namespace spinfill {
namespace {

constexpr std::int64_t kReduced = 64;
constexpr std::int64_t kPlaces = 7 * 10;  // of a window of 112×168 px
constexpr const char* kAzimuthNetwork = "the azimuth network";

}  // namespace

AzimuthNetworkImpl::AzimuthNetworkImpl(const at::TensorOptions& tensors) {
  features_ = register_module("features", SqueezeNet(tensors));
  reduce_ = register_module("reduce", Conv2d(SqueezeNetImpl::kChannels[3], kReduced, 1, 1, tensors));
  hidden_ = register_module("hidden", Linear(kReduced * kPlaces, kHidden, true, tensors));
  out_ = register_module("out", Linear(kHidden, kAzimuthBins, true, tensors));
}

at::Tensor AzimuthNetworkImpl::forward(const at::Tensor& windows, const at::Tensor& keep) {
  at::Tensor x = at::relu(reduce_->forward(features_->forward(windows).back())).flatten(1);
  // Features have no common scale: without this the head's first steps are thousands of times too large.
  x = at::layer_norm(x, {kReduced * kPlaces});
  x = at::relu(hidden_->forward(x));
  return out_->forward(keep.defined() ? x * keep : x);
}

AzimuthNetwork azimuth_network_on_features(const std::filesystem::path& weights, std::uint64_t seed) {
  AzimuthNetwork network{at::TensorOptions(at::kFloat)};
  begin_on_features(*network, weights, seed, kAzimuthNetwork);
  return network;
}

AzimuthNetwork azimuth_network_of(const TensorMap& state, const std::string& where) {
  AzimuthNetwork network{at::TensorOptions(at::kFloat)};
  copy_state(network->state(), state, where, kAzimuthNetwork, "name a folder that data train-azimuth wrote");
  return network;
}

}  // namespace spinfill
