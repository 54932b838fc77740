// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "model/network/unet_options.h"

namespace spinfill {

// Files of an exported diffusers folder beside unet/ (infer/diffusers_export.h).
inline constexpr const char* kOwnWeights = "spinfill.safetensors";

struct SourceFile {
  fs::path path;
  std::uint64_t bytes = 0;
};

// A UNet as it is published: a folder of diffusers (the model's, with unet/, or that of the UNet; one file of weights
// or several with an index; variants such as fp16), or a single file with the names of CompVis and Stability.
struct UNetSource {
  std::string form;                                  // "diffusers" or "single file"
  std::string name;                                  // for errors and provenance: as it was given
  TensorMap tensors;                                 // by diffusers' names; mapped, of the file's dtype
  std::map<std::string, std::string> named_in_file;  // where it is another one
  std::vector<std::string> outside;                  // tensors of the files that are no part of a UNet
  std::optional<UNetOptions> structure;              // of config.json; a single file has none
  TensorMap own;                                     // of kOwnWeights, where it lies beside unet/
  std::vector<SourceFile> files;                     // with weights
};

// variant: the files of diffusers to take, as in "fp16"; empty: those without one, else the only one there is.
// Errors: exit 2 for what is no such source, among it pickles (.ckpt, .bin, .pt, .pth), which run code when they are
// read; exit 3 for damaged files, an index whose shards are missing or lie elsewhere, a config.json of another model.
UNetSource read_unet_source(const fs::path& source, const std::string& variant = "");

}  // namespace spinfill
