// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/tensors/safetensors.h"
#include "model/autoencoder/architecture.h"

namespace spinfill {

// An autoencoder as files hold it: weights named as in diffusers, in the type in which they are stored.
struct AutoencoderFile {
  AutoencoderArchitecture architecture;
  TensorMap tensors;
  std::string where;  // it was read from, for errors

  // SHA-256 of architecture and weights, in float32: the same for every file that holds the same numbers.
  std::string content_hash() const;
};

// Reads what `path` is:
//  - a folder with diffusers' config.json and diffusion_pytorch_model.safetensors, .VARIANT.safetensors or several
//  files
//    with an index; or a whole pipeline, which has that in its folder vae/;
//  - a folder with TAESD's own two files, *encoder*.safetensors and *decoder*.safetensors, keys as in its Sequential;
//  - a single file: one that save_autoencoder() wrote, or a Stable Diffusion checkpoint (keys first_stage_model.*).
// Older names of the attention's layers are known, too. Errors: exit 2 where there is no such path, and for pickles;
// exit 3 names the file and what is wrong with it. Weights are compared with the architecture when they are loaded.
AutoencoderFile read_autoencoder(const std::filesystem::path& path);

// One self-contained file, whose metadata holds config.json. Returns its SHA-256.
std::string save_autoencoder(const std::filesystem::path& path, const AutoencoderFile& file);

}  // namespace spinfill
