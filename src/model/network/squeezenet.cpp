// SPDX-License-Identifier: Apache-2.0
#include "model/network/squeezenet.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "core/random.h"
#include "model/network/copy_state.h"

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
constexpr int kEarlyFires = 2;  // fire modules that belong to NetworkPart::early, behind the first convolution

// "features.3.squeeze.weight" of "net.slice2.3.squeeze.weight"; other keys stay.
std::string torchvision_key(const std::string& key) {
  static const std::regex lpips("^net\\.slice[0-9]+\\.(.+)$");
  return std::regex_replace(key, lpips, "features.$1");
}

NetworkPart part_of(const std::string& name) {
  if (!name.starts_with("features.")) return NetworkPart::head;
  if (name.starts_with("features.0.")) return NetworkPart::early;
  const auto is_its = [&](const FireSize& fire) { return name.starts_with(fmt::format("features.{}.", fire.name)); };
  return std::any_of(kFires, kFires + kEarlyFires, is_its) ? NetworkPart::early : NetworkPart::features;
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

SqueezeNetImpl::SqueezeNetImpl(const at::TensorOptions& tensors) {
  conv_ = register_module("0", Conv2d(3, 64, 3, 2, tensors));
  for (const FireSize& size : kFires)
    fires_.push_back(register_module(size.name, Fire(size.in, size.squeeze, size.out, tensors)));
}

std::vector<at::Tensor> SqueezeNetImpl::forward(const at::Tensor& pictures) {
  // ImageNet's mean and standard deviation, as torchvision's weights expect.
  const at::Tensor mean = at::tensor({.485F, .456F, .406F}).view({1, 3, 1, 1});
  const at::Tensor deviation = at::tensor({.229F, .224F, .225F}).view({1, 3, 1, 1});
  std::vector<at::Tensor> levels;
  at::Tensor x = at::relu(conv_->forward((pictures - mean) / deviation));
  for (std::size_t i = 0; i < fires_.size(); ++i) {
    if (kFires[i].pool) levels.push_back(x);
    x = fires_[i]->forward(kFires[i].pool ? squeezenet_pooled(x) : x);
  }
  levels.push_back(x);
  return levels;
}

at::Tensor squeezenet_pooled(const at::Tensor& x) {
  return at::max_pool2d(x, {3, 3}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
}

std::vector<std::pair<std::string, at::Tensor>> parameters_of(const torch::nn::Module& network, NetworkPart part) {
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const auto& item : network.named_parameters())
    if (part_of(item.key()) == part) out.emplace_back(item.key(), item.value());
  return out;
}

void begin_on_features(const torch::nn::Module& network, const std::filesystem::path& weights, std::uint64_t seed,
                       const char* what) {
  TensorMap given;
  for (const auto& [key, tensor] : read_safetensors(weights).tensors)
    if (const std::string name = torchvision_key(key); name.starts_with("features.")) given[name] = tensor;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(Random(seed, 0, Stream::weights).bits64());
  {
    const at::NoGradGuard no_grad;
    for (auto& [name, tensor] : parameters_of(network, NetworkPart::head)) {
      if (name.ends_with("norm.weight")) {
        tensor.fill_(1);
      } else if (tensor.dim() == 1 || name.starts_with("out.")) {
        tensor.zero_();
      } else {  // He et al., "Delving deep into rectifiers", ICCV 2015, eq. 14
        const double fan_in = static_cast<double>(tensor.numel() / tensor.size(0));
        tensor.normal_(0, std::sqrt(2 / fan_in), generator);
      }
    }
  }
  TensorMap features;
  for (const auto& [name, tensor] : parameters_by_name(network))
    if (name.starts_with("features.")) features[name] = tensor;
  copy_state(features, given, weights.string(), what, "give the features of a SqueezeNet 1.1");
}

}  // namespace spinfill
