// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/unet_source.h"

#include "core/error.h"
#include "core/files/json.h"
#include "core/files/links.h"
#include "core/files/place_note.h"
#include "core/tensors/weights_folder.h"
#include "model/diffusers/ldm_names.h"
#include "model/diffusers/unet_config.h"

namespace spinfill {
namespace {

constexpr const char* kLdmPrefix = "model.diffusion_model.";

void add_file(UNetSource& source, const fs::path& path) {
  source.files.push_back({path, static_cast<std::uint64_t>(fs::file_size(path))});
}

void read_folder(UNetSource& source, const fs::path& folder, const std::string& variant) {
  source.form = "diffusers";
  const fs::path config = folder / "config.json";
  source.structure = read_unet_config(read_json(config), config.string());
  const WeightsFolder weights = find_weights(folder, variant, "choose one by --variant");
  source.tensors = weights.read();
  for (const fs::path& file : weights.files) add_file(source, file);
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
