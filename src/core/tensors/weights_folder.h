// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"

namespace spinfill {

// Weights as diffusers lays them out in a folder: diffusion_pytorch_model.safetensors, or shards beside
// diffusion_pytorch_model.safetensors.index.json (core/tensors/sharded.h), each also as a variant
// (diffusion_pytorch_model.fp16.safetensors).
struct WeightsFolder {
  std::filesystem::path file;                // the weights or the index
  std::vector<std::filesystem::path> files;  // with weights: that file, or the shards
  TensorMap read() const;
};

// variant: the files to take, as in "fp16"; empty: those without one, else the only one there is. `choose` says what to
// do where there are several ("choose one by --variant"). Exit 2: no weights, no such variant, several, pickles; exit
// 3: an index whose shards are missing or lie elsewhere, a file whose content is elsewhere (Git LFS).
WeightsFolder find_weights(const std::filesystem::path& folder, const std::string& variant, const std::string& choose);

// Python's pickles, by name (.ckpt, .bin, .pt, .pth, .pkl) or by their first bytes: they run code when they are read.
bool is_pickle(const std::filesystem::path& path);
[[noreturn]] void refuse_pickle(const std::filesystem::path& path);  // exit 2

}  // namespace spinfill
