// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/pieces.h"

#include <ATen/ATen.h>

#include <limits>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"

namespace spinfill {
namespace {

constexpr const char* kKey = "pieces";

struct Whole {
  at::Tensor values;  // flat
  std::vector<std::int64_t> shape;
  std::map<std::int64_t, std::int64_t> parts;  // begin → end of what was copied
};

std::int64_t checked_count(const std::vector<std::int64_t>& shape, const std::string& where) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || (size > 0 && count > std::numeric_limits<std::int64_t>::max() / 16 / size))
      fail("{}: a tensor of shape [{}]", where, fmt::join(shape, ", "));
    count *= size;
  }
  return count;
}

void add_file(const fs::path& path, std::map<std::string, Whole>& wholes) {
  const Safetensors file = read_safetensors(path);
  const auto found = file.metadata.find(kKey);
  if (found == file.metadata.end()) fail("{}: says nothing of pieces in its metadata", path.string());
  const Json places = parse_json(found->second, path.string());
  for (const auto& [name, tensor] : file.tensors) {
    const std::string where = fmt::format("{}: tensor '{}'", path.string(), name);
    std::int64_t begin = 0;
    std::vector<std::int64_t> shape;
    try {
      begin = places.at(name).at("begin").get<std::int64_t>();
      shape = places.at(name).at("shape").get<std::vector<std::int64_t>>();
    } catch (const nlohmann::json::exception&) {
      fail("{}: its metadata does not say where it belongs", where);
    }
    const std::int64_t count = checked_count(shape, where), size = tensor.numel();
    if (begin < 0 || begin > count || size > count - begin)
      fail("{}: {} elements from {} on of {} cannot be", where, size, begin, count);
    auto [whole, is_new] = wholes.try_emplace(name);
    if (is_new) {
      whole->second = {at::empty({count}, tensor.options()), shape, {}};
    } else if (whole->second.shape != shape || whole->second.values.scalar_type() != tensor.scalar_type()) {
      fail("{}: has another shape or type than in the files before", where);
    }
    whole->second.values.narrow(0, begin, size).copy_(tensor.reshape({-1}));
    if (size > 0) {
      std::int64_t& end = whole->second.parts[begin];
      end = std::max(end, begin + size);
    }
  }
}

}  // namespace

std::string write_pieces(const fs::path& path, const PieceMap& pieces) {
  TensorMap tensors;
  Json places = Json::object();
  for (const auto& [name, piece] : pieces) {
    tensors[name] = piece.values;
    places[name] = {{"begin", piece.begin}, {"shape", piece.shape}};
  }
  return write_safetensors(path, tensors, {{"format", "pt"}, {kKey, places.dump()}});
}

TensorMap read_pieces(const std::vector<fs::path>& paths) {
  std::map<std::string, Whole> wholes;
  for (const fs::path& path : paths) add_file(path, wholes);
  TensorMap tensors;
  for (const auto& [name, whole] : wholes) {
    std::int64_t covered = 0;
    for (const auto& [begin, end] : whole.parts) {
      if (begin > covered) break;
      covered = std::max(covered, end);
    }
    if (covered < whole.values.numel()) {
      fail("{}: of tensor '{}' element {} is in none of {} files", paths.front().parent_path().string(), name, covered,
           paths.size());
    }
    tensors[name] = whole.values.view(whole.shape);
  }
  return tensors;
}

}  // namespace spinfill
