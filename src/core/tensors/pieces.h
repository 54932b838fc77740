// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"

namespace spinfill {

// Part of a tensor, of state that several processes hold together.
struct TensorPiece {
  at::Tensor values;  // [n]: elements begin … begin + n − 1 of the flattened (row-major) whole
  std::int64_t begin = 0;
  std::vector<std::int64_t> shape;  // of the whole
};
using PieceMap = std::map<std::string, TensorPiece>;

// A safetensors file whose tensors are the pieces' values; where they belong stands in its metadata. Returns its
// SHA-256.
std::string write_pieces(const std::filesystem::path& path, const PieceMap& pieces);

// The whole tensors of which the files together hold all pieces. Errors (exit 3) name the file, or the tensor of which
// a part is missing. A tensor of one element may stand in several files.
TensorMap read_pieces(const std::vector<std::filesystem::path>& paths);

}  // namespace spinfill
