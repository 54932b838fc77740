// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

#include "model/segmenter/segmenter_model.h"

namespace spinfill::test {

// Of drawn weights: nothing is trained.
inline SegmenterModel drawn_segmenter(std::uint64_t seed) {
  SegmenterModel model;
  model.network = SegmenterNetwork(at::TensorOptions(at::kFloat));
  at::manual_seed(seed);
  for (const auto& [name, tensor] : model.network->state()) {
    const at::Tensor values = at::Tensor(tensor).detach();
    if (tensor.dim() > 1)
      values.normal_(0, std::sqrt(2.0 / (tensor.numel() / tensor.size(0))));
    else
      values.zero_();
  }
  model.training = {{"note", "drawn"}};
  return model;
}

}  // namespace spinfill::test
