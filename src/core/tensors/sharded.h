// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/tensors/safetensors.h"

namespace spinfill {

// Tensors spread over several safetensors files beside an index, NAME.safetensors.index.json with {"weight_map":
// {tensor: file}}, as Hugging Face's libraries write large models. Errors (exit 3) name the index or the file: a tensor
// that is not where it should be, one that the index does not list, a file name that leads out of the folder.
TensorMap read_sharded_safetensors(const std::filesystem::path& index);

}  // namespace spinfill
