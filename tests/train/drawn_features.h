// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>

#include "core/tensors/safetensors.h"

namespace spinfill::test {

// The features of a network's state with drawn weights, as torchvision names them; its head draws its own.
inline std::filesystem::path write_drawn_features(const TensorMap& state, const std::filesystem::path& file) {
  TensorMap features;
  at::manual_seed(1);
  for (const auto& [name, tensor] : state) {
    if (!name.starts_with("features.")) continue;
    features[name] = tensor.dim() > 1 ? at::randn(tensor.sizes()) * std::sqrt(2.0 / (tensor.numel() / tensor.size(0)))
                                      : at::zeros(tensor.sizes());
  }
  write_safetensors(file, features);
  return file;
}

}  // namespace spinfill::test
