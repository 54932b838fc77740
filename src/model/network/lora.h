// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/tensors/safetensors.h"

namespace spinfill {

// Low-rank adapters (Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022, eq. 3): beside a
// frozen linear layer W0 [m,n] two small matrices A [r,n] and B [m,r] are trained,
//   h = W0·x + (alpha/r)·B·A·x,
// with B zero at the start, so that the model begins as it was. Their names are the layer's with lora_A, lora_B and
// lora_scale (alpha/r, not trained).
struct LoraConfig {
  std::int64_t rank = 0;  // r; 0: no adapters, everything is trained
  double alpha = 8;
  std::vector<std::string> targets = {"unet.*.attn1", "unet.*.attn2", "conditioner"};  // linear layers
  std::vector<std::string> full;  // further parameters, which are trained themselves
  void bind(Fields& f);
};

// Weights with every adapter added to its layer, W = W0 + (alpha/r)·B·A, and the adapters left out: those of a model
// without adapters. Without adapters the same weights. Errors (exit 3) name `where` and the adapter.
TensorMap merged_adapters(const TensorMap& state, const std::string& where);

}  // namespace spinfill
