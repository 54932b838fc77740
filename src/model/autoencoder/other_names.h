// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/tensors/safetensors.h"
#include "model/autoencoder/files.h"

namespace spinfill {

// Names that other files have for an autoencoder's weights → diffusers'. What is not known keeps its name, so that
// loading says that it is unexpected.

// The attention's layers as diffusers named them before version 0.15 (query, key, value, proj_attn), convolutions of
// 1×1 made linear.
TensorMap with_attention_names(const TensorMap& tensors);

// TAESD's encoder and decoder, each numbered as its Sequential is: 0.weight, 1.conv.0.weight … The decoder's layer 0 is
// its clamp, which diffusers does not count.
TensorMap from_sequential(const TensorMap& encoder, const TensorMap& decoder);

// A Stable Diffusion checkpoint in one file, or the autoencoder's part of one (Rombach et al.'s names). Architecture
// from the shapes; the scaling factor, which such a file does not say, from what else is in it. Errors (exit 3): no
// autoencoder in it, or nothing that tells the factor.
AutoencoderFile from_checkpoint(const TensorMap& tensors, const std::string& where);

}  // namespace spinfill
