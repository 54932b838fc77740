// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"

namespace spinfill {

// Part of a tensor that several processes hold together.
struct TensorPiece {
  at::Tensor values;  // [n]: elements begin … begin + n − 1 of the flattened (row-major) whole
  std::int64_t begin = 0;
  std::vector<std::int64_t> shape;  // of the whole
};
using PieceMap = std::map<std::string, TensorPiece>;

// A safetensors file whose tensors are the pieces' values; its metadata says where they belong. Returns the
// file's SHA-256.
std::string write_pieces(const std::filesystem::path& path, const PieceMap& pieces);

// The whole tensors, put together from the pieces in all files. Errors (exit 3) name the file, or the tensor of which
// a part is missing. A tensor of one element may stand in several files.
TensorMap read_pieces(const std::vector<std::filesystem::path>& paths);

}  // namespace spinfill
