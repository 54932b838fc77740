// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace spinfill {

using TensorMap = std::map<std::string, at::Tensor>;
using Metadata = std::map<std::string, std::string>;

// safetensors (https://github.com/huggingface/safetensors, format section of its README).
// Reading maps the file; the tensors keep the mapping alive and are copy-on-write, so changing one never changes the
// file. Every header field is checked before use: any wrong, overlapping or truncated file is one error (exit 3) that
// names the file and the tensor.
struct Safetensors {
  TensorMap tensors;
  Metadata metadata;
};
Safetensors read_safetensors(const std::filesystem::path& path);
// The same from memory (copies); `where` names the source in errors.
Safetensors parse_safetensors(std::string_view bytes, const std::string& where);

// Tensors may be on any device and of any stride. Order in the file: by element size, then by name. Atomic. Returns the
// file's SHA-256.
std::string write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                              const Metadata& metadata = {});

}  // namespace spinfill
