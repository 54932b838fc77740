// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/tensors/safetensors.h"
#include "model/autoencoder/architecture.h"

namespace spinfill {

// In AutoencoderFile::training, where the decoder alone was trained: see latents_hash().
inline constexpr const char* kLatentsOf = "latents_of_sha256";

// An autoencoder as files hold it: weights named as in diffusers, in the type in which they are stored.
struct AutoencoderFile {
  AutoencoderArchitecture architecture;
  TensorMap tensors;
  std::string where;          // it was read from, for errors
  std::string training = {};  // JSON of how spinfill trained it; empty: it did not

  // SHA-256 of architecture and weights, in float32: the same for every file that holds the same numbers.
  std::string content_hash() const;
  // content_hash() of the autoencoder whose latents these are: its own, or where spinfill trained the decoder alone
  // that of the one it began with.
  std::string latents_hash() const;
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

// Where a file is of another kind, or its latents of another size, than is wanted: exit 2 names the model.* keys.
void require_sizes(const AutoencoderFile& file, AutoencoderKind kind, std::int64_t channels, std::int64_t factor);

// One self-contained file, whose metadata hold config.json and how it was trained. Returns its SHA-256.
std::string save_autoencoder(const std::filesystem::path& path, const AutoencoderFile& file);
// config.json and diffusion_pytorch_model.safetensors, which diffusers' from_pretrained reads, into a folder.
void save_as_diffusers(const std::filesystem::path& folder, const AutoencoderFile& file);

}  // namespace spinfill
