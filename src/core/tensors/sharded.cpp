// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/sharded.h"

#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"

namespace spinfill {

TensorMap read_sharded_safetensors(const fs::path& index) {
  const std::string where = index.string();
  const Json json = read_json(index);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    fail("{}: has no object 'weight_map' that says which file holds which tensor", where);
  const Json& map = json["weight_map"];
  std::set<std::string> files;
  for (const auto& [name, file] : map.items()) {
    if (!file.is_string()) fail("{}: the file of '{}' is no text", where, name);
    files.insert(file.get<std::string>());
  }
  TensorMap tensors;
  for (const std::string& file : files) {
    const fs::path path = path_inside(index.parent_path(), file, where);
    for (auto& [name, tensor] : read_safetensors(path).tensors) {
      if (!map.contains(name) || map[name] != Json(file))
        fail("{}: holds '{}', which {} does not list there", path.string(), name, where);
      tensors.emplace(name, tensor);
    }
  }
  for (const auto& [name, file] : map.items()) {
    if (!tensors.contains(name))
      fail("{}: '{}' is not in {}, where the index says it is", where, name, file.get<std::string>());
  }
  return tensors;
}

}  // namespace spinfill
