// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/weights_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/links.h"
#include "core/tensors/sharded.h"

namespace spinfill {
namespace {

constexpr const char* kStem = "diffusion_pytorch_model";

// By variant: "" or "fp16"; an index stands for its shards.
std::map<std::string, fs::path> variants_in(const fs::path& folder) {
  std::map<std::string, fs::path> variants;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with(kStem)) continue;
    name.erase(0, std::string(kStem).size());
    const bool index = name.ends_with(".json") && name.find(".index") != std::string::npos;
    if (!index && !name.ends_with(".safetensors")) continue;
    if (name.find("-of-") != std::string::npos) continue;  // a shard
    std::string variant;                                   // what is left without the parts that all names have
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t end = std::min(name.find('.', at + 1), name.size());
      const std::string part = name.substr(at, end - at);
      if (part != ".safetensors" && part != ".index" && part != ".json") variant += part;
      at = end;
    }
    if (!variant.empty()) variant.erase(0, 1);
    if (!index || !variants.contains(variant)) variants[variant] = entry.path();  // one whole file before an index
  }
  return variants;
}

fs::path choose_variant(const fs::path& folder, const std::string& variant, const std::string& choose) {
  const auto variants = variants_in(folder);
  if (variants.empty()) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename().string().starts_with(kStem) && is_pickle(entry.path())) refuse_pickle(entry.path());
    }
    fail_usage("{}: holds no {}.safetensors", folder.string(), kStem);
  }
  if (const auto found = variants.find(variant); found != variants.end()) return found->second;
  if (variant.empty() && variants.size() == 1) return variants.begin()->second;
  std::vector<std::string> names;
  for (const auto& [name, path] : variants) names.push_back(name.empty() ? "(none)" : name);
  fail_usage("{}: there is {}, but {}: {}", folder.string(),
             variant.empty() ? "no file of weights without a variant" : "no variant '" + variant + "'",
             fmt::join(names, ", "), choose);
}

// Names the shards and refuses what is none before they are read.
std::vector<fs::path> shards_of(const fs::path& index) {
  const Json json = read_json(index);
  std::set<fs::path> shards;
  for (const Json& file : json.is_object() ? json.value("weight_map", Json()) : Json()) {
    if (file.is_string()) shards.insert(path_inside(index.parent_path(), file.get<std::string>(), index.string()));
  }
  for (const fs::path& shard : shards) {
    if (!fs::exists(shard)) fail("{}: names {}, which is missing{}", index.string(), shard.string(), why_absent(shard));
    if (is_pickle(shard)) refuse_pickle(shard);
    require_content(shard);
  }
  return {shards.begin(), shards.end()};
}

}  // namespace

TensorMap WeightsFolder::read() const {
  return file.extension() == ".json" ? read_sharded_safetensors(file) : read_safetensors(file).tensors;
}

WeightsFolder find_weights(const fs::path& folder, const std::string& variant, const std::string& choose) {
  WeightsFolder out;
  out.file = choose_variant(folder, variant, choose);
  if (out.file.extension() == ".json") {
    out.files = shards_of(out.file);
  } else {
    require_content(out.file);
    out.files = {out.file};
  }
  return out;
}

bool is_pickle(const fs::path& path) {
  const std::string ending = path.extension().string();
  for (const char* one : {".ckpt", ".bin", ".pt", ".pth", ".pkl"}) {
    if (ending == one) return true;
  }
  // A zip archive (PyTorch 1.6 and later) or a bare pickle.
  std::array<char, 2> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return (head[0] == 'P' && head[1] == 'K') || (head[0] == '\x80' && head[1] >= 2 && head[1] <= 5);
}

void refuse_pickle(const fs::path& path) {
  fail_usage(
      "{}: is a pickle, which can run any code when it is read, so it is not: take the safetensors file of the same "
      "model, or save it as one where you trust it (diffusers: save_pretrained(DIR, safe_serialization=True))",
      path.string());
}

}  // namespace spinfill
