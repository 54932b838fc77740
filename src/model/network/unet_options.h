// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/config/per_level.h"

namespace spinfill {

// Sizes of a UNet (unet.h); the defaults are Stable Diffusion 1.5's.
struct UNetOptions {
  std::int64_t in_channels = 4, out_channels = 4;
  std::vector<std::int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::int64_t layers_per_block = 2;
  std::vector<std::int64_t> attention_levels = {1, 1, 1, 0};
  PerLevel transformer_layers_per_block = 1;
  PerLevel attention_heads = 8;
  std::int64_t cross_attention_dim = 768;
  std::int64_t norm_num_groups = 32;
  bool linear_projection = false;
  std::int64_t size_embedding_dim = 0, pooled_text_dim = 0;  // of add_embedding, 0: there is none
  at::TensorOptions tensors;
};

}  // namespace spinfill
