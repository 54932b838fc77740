// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"
#include "synth/import/model_files.h"

namespace spinfill::synth {

inline constexpr std::uint64_t kMaxModelFile = std::uint64_t{1} << 30;
inline constexpr std::size_t kMaxTriangles = 20'000'000;

// A glTF 2.0 file, .gltf or .glb: its description, its buffers and the numbers in them. Errors (exit 3): a damaged or
// older file, one that requires an extension that is not read here, an object, buffer or byte that is missing.
class GltfFile {
 public:
  explicit GltfFile(ModelFiles files);

  const Json& json() const { return json_; }
  const ModelFiles& files() const { return files_; }
  const std::string& where() const { return where_; }
  const Json& object(const char* list, std::size_t index) const;  // of "nodes", "meshes", "accessors" …

  struct Values {
    std::size_t count = 0, components = 0;
    std::vector<float> data;  // [count, components]
    const float* at(std::size_t i) const { return data.data() + i * components; }
  };
  // Of every component type, dense, interleaved or sparse; integers marked as normalised (or all, where the meaning
  // demands it) become 0 … 1 or −1 … 1.
  Values values(std::size_t accessor, bool normalise = false) const;
  std::vector<std::uint32_t> indices(std::size_t accessor) const;
  std::string_view buffer_view(std::size_t view) const;

 private:
  const std::string& buffer(std::size_t index) const;

  ModelFiles files_;
  std::string where_;
  Json json_;
  std::string binary_;  // the chunk of a .glb
  mutable std::map<std::size_t, std::string> buffers_;
};

// A member that is an index or a count; exit 3 where it is something else or absent.
std::size_t unsigned_of(const Json& object, const char* key, const std::string& where);
std::size_t unsigned_of(const Json& object, const char* key, std::size_t absent, const std::string& where);
float number_of(const Json& object, const char* key, float absent, const std::string& where);  // finite
// A list of `count` finite numbers.
std::vector<float> numbers_of(const Json& object, const char* key, std::vector<float> absent, const std::string& where);
// object.extensions.NAME; nullptr: none.
const Json* extension_of(const Json& object, const char* name);

}  // namespace spinfill::synth
