// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/initialise.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "model/network/initial_values.h"

namespace spinfill {

namespace {

std::vector<InitialValue> initials_of(const DenoiserModules& modules) {
  std::vector<InitialValue> initials;
  const auto add = [&](InitialValue initial) {
    if (initial.name == "unet.conv_out.weight" || initial.name == "unet.conv_out.bias") {
      initial.kind = InitialValue::Kind::constant;
      initial.value = 0;
    }
    initials.push_back(std::move(initial));
  };
  for (const auto& item : modules.named_modules("", false))
    for (InitialValue& initial : initial_values_of(item.key(), *item.value())) add(std::move(initial));
  for (const auto& item : modules.conditioner->named_parameters(false)) {
    if (!item.value().defined()) continue;
    add({"conditioner." + item.key(), item.value(), InitialValue::Kind::normal,
         item.key() == "category_embedding" ? 1.0 : 0.02});
  }
  return initials;
}

}  // namespace

void initialise_weights(DenoiserModules& modules, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (const InitialValue& initial : initials_of(modules)) at::Tensor(initial.parameter).copy_(drawn(initial, seed));
}

TensorMap initial_weights(const DenoiserModules& modules, std::uint64_t seed,
                          const std::function<bool(const std::string& name)>& wanted) {
  const at::NoGradGuard no_grad;
  TensorMap values;
  for (const InitialValue& initial : initials_of(modules)) {
    if (wanted(initial.name)) values[initial.name] = drawn(initial, seed);
  }
  return values;
}

void initialise_adapter(LinearImpl& layer, const std::string& name, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  if (layer.lora_a.is_meta()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(layer.lora_a.size(1)));
  layer.lora_a.copy_(
      at::empty(layer.lora_a.sizes(), at::kFloat).uniform_(-bound, bound, generator_of_weight(seed, name + ".lora_A")));
  layer.lora_b.zero_();
}

}  // namespace spinfill
