// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/unet_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "core/error.h"
#include "core/files/json.h"
#include "core/files/links.h"
#include "core/files/place_note.h"
#include "core/tensors/sharded.h"
#include "model/diffusers/ldm_names.h"
#include "model/diffusers/unet_config.h"

namespace spinfill {
namespace {

constexpr const char* kStem = "diffusion_pytorch_model";
constexpr const char* kLdmPrefix = "model.diffusion_model.";

// Python's pickles, by name or by their first bytes: a zip archive (PyTorch 1.6 and later) or a bare pickle.
bool is_pickle(const fs::path& path) {
  const std::string ending = path.extension().string();
  for (const char* one : {".ckpt", ".bin", ".pt", ".pth", ".pkl"}) {
    if (ending == one) return true;
  }
  std::array<char, 2> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return (head[0] == 'P' && head[1] == 'K') || (head[0] == '\x80' && head[1] >= 2 && head[1] <= 5);
}

[[noreturn]] void refuse_pickle(const fs::path& path) {
  fail_usage(
      "{}: is a pickle, which can run any code when it is read, so it is not: take the safetensors file of the same "
      "model, or save it as one where you trust it (diffusers: save_pretrained(DIR, safe_serialization=True))",
      path.string());
}

void add_file(UNetSource& source, const fs::path& path) {
  source.files.push_back({path, static_cast<std::uint64_t>(fs::file_size(path))});
}

// The files of weights in a folder of diffusers, by variant: "" or "fp16"; an index stands for its shards.
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

fs::path choose_variant(const fs::path& folder, const std::string& variant) {
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
  fail_usage("{}: there is {}: choose one of {} by --variant", folder.string(),
             variant.empty() ? "no file of weights without a variant" : "no variant '" + variant + "'",
             fmt::join(names, ", "));
}

// Names the shards and refuses what is none before they are read.
void read_shards(UNetSource& source, const fs::path& index) {
  const Json json = read_json(index);
  std::set<fs::path> shards;
  for (const Json& file : json.is_object() ? json.value("weight_map", Json()) : Json()) {
    if (file.is_string()) shards.insert(path_inside(index.parent_path(), file.get<std::string>(), index.string()));
  }
  for (const fs::path& shard : shards) {
    if (!fs::exists(shard)) fail("{}: names {}, which is missing{}", index.string(), shard.string(), why_absent(shard));
    if (is_pickle(shard)) refuse_pickle(shard);
    require_content(shard);
    add_file(source, shard);
  }
  source.tensors = read_sharded_safetensors(index);
}

void read_folder(UNetSource& source, const fs::path& folder, const std::string& variant) {
  source.form = "diffusers";
  const fs::path config = folder / "config.json";
  source.structure = read_unet_config(read_json(config), config.string());
  const fs::path weights = choose_variant(folder, variant);
  if (weights.extension() == ".json") {
    read_shards(source, weights);
  } else {
    require_content(weights);
    source.tensors = read_safetensors(weights).tensors;
    add_file(source, weights);
  }
  if (const fs::path own = folder.parent_path() / kOwnWeights; folder.filename() == "unet" && fs::exists(own)) {
    source.own = read_safetensors(own).tensors;
    add_file(source, own);
  }
}

void read_single_file(UNetSource& source, const fs::path& path) {
  if (is_pickle(path)) refuse_pickle(path);
  require_content(path);
  const TensorMap all = read_safetensors(path).tensors;
  add_file(source, path);
  if (all.contains("conv_in.weight")) {  // a file of diffusers: its config.json lies beside it
    const fs::path config = path.parent_path() / "config.json";
    if (!fs::exists(config))
      fail_usage("{}: has diffusers' names, but no config.json lies beside it: name the folder", path.string());
    source.form = "diffusers";
    source.structure = read_unet_config(read_json(config), config.string());
    source.tensors = all;
    return;
  }
  source.form = "single file";
  const bool prefixed = all.contains(std::string(kLdmPrefix) + "input_blocks.0.0.weight");
  const std::string prefix = prefixed ? kLdmPrefix : "";
  if (!prefixed && !all.contains("input_blocks.0.0.weight")) {
    fail_usage("{}: holds no UNet: neither {}input_blocks.0.0.weight nor conv_in.weight is among its {} tensors",
               path.string(), kLdmPrefix, all.size());
  }
  std::vector<std::string> names;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  const auto renames = diffusers_names(names);
  for (const auto& [name, tensor] : all) {
    const auto found = name.starts_with(prefix) ? renames.find(name.substr(prefix.size())) : renames.end();
    if (found == renames.end()) {
      source.outside.push_back(name);
      continue;
    }
    source.tensors[found->second] = tensor;
    source.named_in_file[found->second] = name;
  }
}

}  // namespace

UNetSource read_unet_source(const fs::path& path, const std::string& variant) {
  UNetSource source;
  source.name = path.string();
  if (fs::is_directory(path)) {
    const bool model = fs::exists(path / "unet" / "config.json");
    if (!model && !fs::exists(path / "config.json")) {
      fail_usage("{}: has neither unet/config.json nor config.json: name a folder of diffusers or a single file",
                 path.string());
    }
    // "unet/" and "unet" alike, and "." inside of one.
    const fs::path folder = model ? path / "unet" : fs::canonical(path);
    read_folder(source, folder, variant);
  } else if (fs::exists(path)) {
    if (!variant.empty()) fail_usage("{}: is one file; --variant chooses among those of a folder", path.string());
    read_single_file(source, path);
  } else {
    fail_usage("{}: there is no such file or folder{}{}", path.string(), place_note(path), why_absent(path));
  }
  return source;
}

}  // namespace spinfill
