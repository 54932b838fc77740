// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/initialise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "core/random.h"

namespace spinfill {

namespace {

std::uint64_t name_hash(const std::string& name) {  // FNV-1a
  std::uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return hash;
}

at::Generator generator_of(std::uint64_t seed, const std::string& name) {
  return at::make_generator<at::CPUGeneratorImpl>(Random(seed, name_hash(name), Stream::weights).bits64());
}

}  // namespace

void initialise_weights(DenoiserModules& modules, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  auto generator = [&](const std::string& name) { return generator_of(seed, name); };
  // Drawn on the CPU in float32, so that they do not depend on the device.
  auto uniform = [&](const std::string& name, at::Tensor parameter, double bound) {
    if (!parameter.defined()) return;
    parameter.copy_(at::empty(parameter.sizes(), at::kFloat).uniform_(-bound, bound, generator(name)));
  };
  for (const auto& item : modules.named_modules("", false)) {
    const auto& name = item.key();
    if (auto* conv = dynamic_cast<Conv2dImpl*>(item.value().get())) {
      const double bound = 1 / std::sqrt(static_cast<double>(conv->weight.numel() / conv->weight.size(0)));
      uniform(name + ".weight", conv->weight, bound);
      uniform(name + ".bias", conv->bias, bound);
    } else if (auto* linear = dynamic_cast<LinearImpl*>(item.value().get())) {
      const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
      uniform(name + ".weight", linear->weight, bound);
      uniform(name + ".bias", linear->bias, bound);
    } else if (auto* group = dynamic_cast<GroupNormImpl*>(item.value().get())) {
      group->weight.fill_(1);
      group->bias.zero_();
    } else if (auto* layer = dynamic_cast<LayerNormImpl*>(item.value().get())) {
      layer->weight.fill_(1);
      layer->bias.zero_();
    }
  }
  for (auto& item : modules.conditioner->named_parameters(false)) {
    const double deviation = item.key() == "category_embedding" ? 1.0 : 0.02;
    item.value().copy_(
        at::empty(item.value().sizes(), at::kFloat).normal_(0, deviation, generator("conditioner." + item.key())));
  }
  for (auto& item : modules.unet->named_parameters()) {
    if (item.key() == "conv_out.weight" || item.key() == "conv_out.bias") item.value().zero_();
  }
}

void initialise_adapter(LinearImpl& layer, const std::string& name, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  if (layer.lora_a.is_meta()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(layer.lora_a.size(1)));
  layer.lora_a.copy_(
      at::empty(layer.lora_a.sizes(), at::kFloat).uniform_(-bound, bound, generator_of(seed, name + ".lora_A")));
  layer.lora_b.zero_();
}

}  // namespace spinfill
