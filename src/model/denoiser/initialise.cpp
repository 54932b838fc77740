// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/initialise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <vector>

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

// How a parameter begins.
struct Initial {
  enum class Kind { constant, uniform, normal };
  std::string name;
  at::Tensor parameter;
  Kind kind;
  double value;  // the constant, the bound, the deviation
};

std::vector<Initial> initials_of(const DenoiserModules& modules) {
  using Kind = Initial::Kind;
  std::vector<Initial> initials;
  const auto add = [&](const std::string& name, const at::Tensor& parameter, Kind kind, double value) {
    if (name == "unet.conv_out.weight" || name == "unet.conv_out.bias") kind = Kind::constant, value = 0;
    if (parameter.defined()) initials.push_back({name, parameter, kind, value});
  };
  for (const auto& item : modules.named_modules("", false)) {
    const auto& name = item.key();
    const auto* module = item.value().get();
    if (const auto* conv = dynamic_cast<const Conv2dImpl*>(module)) {
      const double bound = 1 / std::sqrt(static_cast<double>(conv->weight.numel() / conv->weight.size(0)));
      add(name + ".weight", conv->weight, Kind::uniform, bound);
      add(name + ".bias", conv->bias, Kind::uniform, bound);
    } else if (const auto* linear = dynamic_cast<const LinearImpl*>(module)) {
      const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
      add(name + ".weight", linear->weight, Kind::uniform, bound);
      add(name + ".bias", linear->bias, Kind::uniform, bound);
    } else if (const auto* group = dynamic_cast<const GroupNormImpl*>(module)) {
      add(name + ".weight", group->weight, Kind::constant, 1);
      add(name + ".bias", group->bias, Kind::constant, 0);
    } else if (const auto* layer = dynamic_cast<const LayerNormImpl*>(module)) {
      add(name + ".weight", layer->weight, Kind::constant, 1);
      add(name + ".bias", layer->bias, Kind::constant, 0);
    }
  }
  for (const auto& item : modules.conditioner->named_parameters(false)) {
    add("conditioner." + item.key(), item.value(), Kind::normal, item.key() == "category_embedding" ? 1.0 : 0.02);
  }
  return initials;
}

// On the CPU in float32, so that values do not depend on the device.
at::Tensor drawn(const Initial& initial, std::uint64_t seed) {
  const at::Tensor value = at::empty(initial.parameter.sizes(), at::kFloat);
  switch (initial.kind) {
    case Initial::Kind::constant: return at::Tensor(value).fill_(initial.value);
    case Initial::Kind::uniform:
      return at::Tensor(value).uniform_(-initial.value, initial.value, generator_of(seed, initial.name));
    case Initial::Kind::normal: return at::Tensor(value).normal_(0, initial.value, generator_of(seed, initial.name));
  }
  return value;
}

}  // namespace

void initialise_weights(DenoiserModules& modules, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (const Initial& initial : initials_of(modules)) at::Tensor(initial.parameter).copy_(drawn(initial, seed));
}

TensorMap initial_weights(const DenoiserModules& modules, std::uint64_t seed,
                          const std::function<bool(const std::string& name)>& wanted) {
  const at::NoGradGuard no_grad;
  TensorMap values;
  for (const Initial& initial : initials_of(modules)) {
    if (wanted(initial.name)) values[initial.name] = drawn(initial, seed);
  }
  return values;
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
