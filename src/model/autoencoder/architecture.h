// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "model/config.h"

namespace spinfill {

// Sizes of an autoencoder to latents, as diffusers' config.json states them.
struct AutoencoderArchitecture {
  AutoencoderKind kind = AutoencoderKind::kl;  // tiny: AutoencoderTiny, kl: AutoencoderKL
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels;  // of each resolution level, finest first; tiny: all alike
  // kl
  std::int64_t layers_per_block = 2, norm_num_groups = 32;
  bool quant_conv = true, post_quant_conv = true, mid_attention = true;
  // tiny: blocks of each level, in the order in which they are computed
  std::vector<std::int64_t> encoder_blocks, decoder_blocks;
  // The denoiser's latents are (encoder's − shift_factor)·scaling_factor.
  double scaling_factor = 1, shift_factor = 0;

  std::int64_t factor() const { return std::int64_t{1} << (block_out_channels.size() - 1); }  // H / h
};

// TAESD's, or that of Stable Diffusion's AutoencoderKL (scaling factor of version 1 and 2).
AutoencoderArchitecture standard_architecture(AutoencoderKind kind, std::int64_t latent_channels);

// The same with as many levels as a factor, a power of two, needs.
AutoencoderArchitecture usual_architecture(AutoencoderKind kind, std::int64_t latent_channels, std::int64_t factor);

// diffusers' config.json of AutoencoderKL or AutoencoderTiny; what it leaves out has diffusers' default. Errors (exit
// 3) name `where` and the field: a value of another type or beyond any sense, or a variant that is not computed here.
AutoencoderArchitecture architecture_from_json(const Json& config, const std::string& where);
Json to_json(const AutoencoderArchitecture& architecture);

}  // namespace spinfill
