// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace spinfill {

// What the targets need of the references, once per sample for all sampling steps: keys and values of every cross-view
// attention layer, in execution order. Undefined tensors where there is no reference at all,
// or none that targets attend to.
struct ReferenceCache {
  struct Layer {
    at::Tensor key, value;  // [ΣR,n,D]
  };
  std::vector<Layer> layers;
};

}  // namespace spinfill
