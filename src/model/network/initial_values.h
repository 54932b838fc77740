// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace spinfill {

// How a parameter begins. Every value is a function of (seed, its name, its shape).
struct InitialValue {
  enum class Kind { constant, uniform, normal };
  std::string name;
  at::Tensor parameter;
  Kind kind;
  double value;  // the constant, the bound, the deviation
};

// Of a layer of model/network/layers.h: convolutions and linear layers U(±1/√fan-in) as PyTorch's defaults, norms the
// identity; of any other module nothing. `name` is the layer's.
std::vector<InitialValue> initial_values_of(const std::string& name, const torch::nn::Module& layer);

// Drawn on the CPU in float32, so that values do not depend on the device.
at::Tensor drawn(const InitialValue& initial, std::uint64_t seed);
at::Generator generator_of_weight(std::uint64_t seed, const std::string& name);

}  // namespace spinfill
