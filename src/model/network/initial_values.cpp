// SPDX-License-Identifier: Apache-2.0
#include "model/network/initial_values.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "core/random.h"
#include "model/network/layers.h"

namespace spinfill {
namespace {

std::uint64_t name_hash(const std::string& name) {  // FNV-1a
  std::uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return hash;
}

}  // namespace

at::Generator generator_of_weight(std::uint64_t seed, const std::string& name) {
  return at::make_generator<at::CPUGeneratorImpl>(Random(seed, name_hash(name), Stream::weights).bits64());
}

std::vector<InitialValue> initial_values_of(const std::string& name, const torch::nn::Module& layer) {
  using Kind = InitialValue::Kind;
  std::vector<InitialValue> values;
  const auto add = [&](const char* of, const at::Tensor& parameter, Kind kind, double value) {
    if (parameter.defined()) values.push_back({name + of, parameter, kind, value});
  };
  if (const auto* conv = dynamic_cast<const Conv2dImpl*>(&layer)) {
    const double bound = 1 / std::sqrt(static_cast<double>(conv->weight.numel() / conv->weight.size(0)));
    add(".weight", conv->weight, Kind::uniform, bound);
    add(".bias", conv->bias, Kind::uniform, bound);
  } else if (const auto* linear = dynamic_cast<const LinearImpl*>(&layer)) {
    const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
    add(".weight", linear->weight, Kind::uniform, bound);
    add(".bias", linear->bias, Kind::uniform, bound);
  } else if (const auto* group = dynamic_cast<const GroupNormImpl*>(&layer)) {
    add(".weight", group->weight, Kind::constant, 1);
    add(".bias", group->bias, Kind::constant, 0);
  } else if (const auto* norm = dynamic_cast<const LayerNormImpl*>(&layer)) {
    add(".weight", norm->weight, Kind::constant, 1);
    add(".bias", norm->bias, Kind::constant, 0);
  }
  return values;
}

at::Tensor drawn(const InitialValue& initial, std::uint64_t seed) {
  const at::Tensor value = at::empty(initial.parameter.sizes(), at::kFloat);
  switch (initial.kind) {
    case InitialValue::Kind::constant: return at::Tensor(value).fill_(initial.value);
    case InitialValue::Kind::uniform:
      return at::Tensor(value).uniform_(-initial.value, initial.value, generator_of_weight(seed, initial.name));
    case InitialValue::Kind::normal:
      return at::Tensor(value).normal_(0, initial.value, generator_of_weight(seed, initial.name));
  }
  return value;
}

}  // namespace spinfill
