// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_network.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>

#include "core/error.h"
#include "core/random.h"
#include "model/azimuth/azimuth_bins.h"

namespace spinfill {
namespace {

struct FireSize {
  const char* name;  // as torchvision's classification net numbers it
  std::int64_t in, squeeze, out;
  bool pool;  // before it
};
constexpr FireSize kFires[] = {{"3", 64, 16, 128, true},    {"4", 128, 16, 128, false}, {"6", 128, 32, 256, true},
                               {"7", 256, 32, 256, false},  {"9", 256, 48, 384, true},  {"10", 384, 48, 384, false},
                               {"11", 384, 64, 512, false}, {"12", 512, 64, 512, false}};
constexpr std::int64_t kChannels = 512, kReduced = 64;
constexpr std::int64_t kPlaces = 7 * 10;  // of a window of 112×168 px
constexpr int kEarly = 2;                 // fire modules that belong to Part::early, behind the first convolution

// Gives the features torchvision's prefix.
class FeaturesImpl : public torch::nn::Module {
 public:
  template <class Module>
  void add(const std::string& name, const Module& module) {
    register_module(name, module);
  }
};
TORCH_MODULE(Features);

at::Tensor pooled(const at::Tensor& x) {
  return at::max_pool2d(x, {3, 3}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
}

// "features.3.squeeze.weight" of "net.slice2.3.squeeze.weight"; other keys stay.
std::string torchvision_key(const std::string& key) {
  static const std::regex lpips("^net\\.slice[0-9]+\\.(.+)$");
  return std::regex_replace(key, lpips, "features.$1");
}

void copy_into(AzimuthNetworkImpl& network, const TensorMap& given, bool all, const std::string& where) {
  const TensorMap own = network.state();
  std::vector<std::string> wrong;
  for (const auto& [name, parameter] : own) {
    const auto found = given.find(name);
    if (found == given.end()) {
      if (all || name.starts_with("features.")) wrong.push_back(name + " is missing");
    } else if (found->second.sizes() != parameter.sizes()) {
      wrong.push_back(name + " has another shape");
    } else if (!at::isfinite(found->second).all().item<bool>()) {
      wrong.push_back(name + " is not finite");
    }
  }
  if (all) {
    for (const auto& [name, tensor] : given)
      if (!own.contains(name)) wrong.push_back(name + " is unexpected");
  }
  if (!wrong.empty())
    fail("{}: is not what the azimuth network needs: {} ({} such keys)", where, wrong.front(), wrong.size());
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : own) {
    if (const auto found = given.find(name); found != given.end()) at::Tensor(parameter).copy_(found->second);
  }
}

}  // namespace

FireImpl::FireImpl(std::int64_t in, std::int64_t squeeze, std::int64_t out, const at::TensorOptions& tensors) {
  squeeze_ = register_module("squeeze", Conv2d(in, squeeze, 1, 1, tensors));
  expand1x1_ = register_module("expand1x1", Conv2d(squeeze, out / 2, 1, 1, tensors));
  expand3x3_ = register_module("expand3x3", Conv2d(squeeze, out / 2, 3, 1, tensors));
}

at::Tensor FireImpl::forward(const at::Tensor& x) {
  const at::Tensor squeezed = at::relu(squeeze_->forward(x));
  return at::relu(at::cat({expand1x1_->forward(squeezed), expand3x3_->forward(squeezed)}, 1));
}

AzimuthNetworkImpl::AzimuthNetworkImpl(const at::TensorOptions& tensors) {
  Features features;
  conv_ = Conv2d(3, 64, 3, 2, tensors);
  features->add("0", conv_);
  for (const FireSize& size : kFires) {
    fires_.emplace_back(size.in, size.squeeze, size.out, tensors);
    features->add(size.name, fires_.back());
  }
  register_module("features", features);
  reduce_ = register_module("reduce", Conv2d(kChannels, kReduced, 1, 1, tensors));
  hidden_ = register_module("hidden", Linear(kReduced * kPlaces, kHidden, true, tensors));
  out_ = register_module("out", Linear(kHidden, kAzimuthBins, true, tensors));
}

at::Tensor AzimuthNetworkImpl::forward(const at::Tensor& windows, const at::Tensor& keep) {
  // ImageNet's mean and standard deviation, as torchvision's weights expect.
  const at::Tensor mean = at::tensor({.485F, .456F, .406F}).view({1, 3, 1, 1});
  const at::Tensor deviation = at::tensor({.229F, .224F, .225F}).view({1, 3, 1, 1});
  at::Tensor x = at::relu(conv_->forward((windows - mean) / deviation));
  for (std::size_t i = 0; i < fires_.size(); ++i) x = fires_[i]->forward(kFires[i].pool ? pooled(x) : x);
  x = at::relu(reduce_->forward(x)).flatten(1);
  // Features have no common scale: without this the head's first steps are thousands of times too large.
  x = at::layer_norm(x, {kReduced * kPlaces});
  x = at::relu(hidden_->forward(x));
  return out_->forward(keep.defined() ? x * keep : x);
}

TensorMap AzimuthNetworkImpl::state() const {
  TensorMap out;
  for (const auto& item : named_parameters()) out[item.key()] = item.value();
  return out;
}

std::vector<std::pair<std::string, at::Tensor>> AzimuthNetworkImpl::part(Part part) const {
  std::vector<std::string> early = {"features.0."};
  for (int i = 0; i < kEarly; ++i) early.push_back(fmt::format("features.{}.", kFires[i].name));
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const auto& item : named_parameters()) {
    const std::string& name = item.key();
    const bool is_early = std::ranges::any_of(early, [&](const std::string& e) { return name.starts_with(e); });
    const Part own = is_early ? Part::early : name.starts_with("features.") ? Part::features : Part::head;
    if (own == part) out.emplace_back(name, item.value());
  }
  return out;
}

AzimuthNetwork azimuth_network_on_features(const std::filesystem::path& weights, std::uint64_t seed) {
  TensorMap given;
  for (const auto& [key, tensor] : read_safetensors(weights).tensors) given[torchvision_key(key)] = tensor;
  AzimuthNetwork network{at::TensorOptions(at::kFloat)};
  auto generator = at::make_generator<at::CPUGeneratorImpl>(Random(seed, 0, Stream::weights).bits64());
  {
    const at::NoGradGuard no_grad;
    for (auto& [name, tensor] : network->part(AzimuthNetworkImpl::Part::head)) {
      if (tensor.dim() == 1 || name.starts_with("out.")) {  // begins as a uniform distribution
        tensor.zero_();
      } else {  // He et al., "Delving deep into rectifiers", ICCV 2015, eq. 14
        const double fan_in = static_cast<double>(tensor.numel() / tensor.size(0));
        tensor.normal_(0, std::sqrt(2 / fan_in), generator);
      }
    }
  }
  copy_into(*network, given, /*all=*/false, weights.string());
  return network;
}

AzimuthNetwork azimuth_network_of(const TensorMap& state, const std::string& where) {
  AzimuthNetwork network{at::TensorOptions(at::kFloat)};
  copy_into(*network, state, /*all=*/true, where);
  return network;
}

}  // namespace spinfill
