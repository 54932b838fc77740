// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/unet_options.h"

namespace spinfill {

UNetOptions unet_options(const ModelConfig& config, const at::TensorOptions& tensors) {
  UNetOptions options;
  options.in_channels = config.input_channels();
  options.out_channels = config.output_channels();
  options.block_out_channels = config.block_out_channels;
  options.layers_per_block = config.layers_per_block;
  options.attention_levels = config.attention_levels;
  options.transformer_layers_per_block = config.transformer_layers_per_block;
  options.attention_heads = config.attention_heads;
  options.cross_attention_dim = config.cross_attention_dim;
  options.norm_num_groups = config.norm_num_groups;
  options.linear_projection = config.linear_projection;
  options.size_embedding_dim = config.size_embedding_dim;
  options.pooled_text_dim = config.pooled_text_dim;
  options.tensors = tensors;
  return options;
}

}  // namespace spinfill
