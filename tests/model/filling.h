// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace spinfill::test {

// The weights and inputs of tests/fixtures/model/filling.py, which are not stored but filled by name.

inline std::uint32_t crc32(const std::string& text) {
  std::uint32_t crc = ~0u;
  for (unsigned char c : text) {
    crc ^= c;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

inline at::Tensor fill(const std::string& name, at::IntArrayRef shape, double scale = 1) {
  const std::int64_t count = c10::multiply_integers(shape);
  return (at::sin(at::arange(count, at::kDouble) * 0.37 + static_cast<double>(crc32(name) % 1000)) * scale).view(shape);
}

// A parameter as filling.py prepares it, float64.
inline at::Tensor prepared(const std::string& name, at::IntArrayRef shape) {
  const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
  const auto fan_in = static_cast<double>(c10::multiply_integers(shape) / shape[0]);
  return fill(name, shape, shape.size() > 1 ? 1.5 / std::sqrt(fan_in) : 0.3) + (norm ? 1.0 : 0.0);
}

inline void prepare(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    item.value().copy_(prepared(item.key(), item.value().sizes()));
  }
}

}  // namespace spinfill::test
