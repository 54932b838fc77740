// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/files.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/files/content_store.h"
#include "core/files/place_note.h"
#include "core/tensors/weights_folder.h"
#include "model/autoencoder/other_names.h"

namespace spinfill {
namespace {

constexpr const char* kWeights = "diffusion_pytorch_model";
constexpr const char* kConfig = "config.json";
constexpr const char* kMetadata = "autoencoder";  // holds config.json in a file of save_autoencoder()
constexpr const char* kTraining = "training";     // holds how spinfill trained it
constexpr std::string_view kEnding = ".safetensors";

// Names of safetensors files of a folder that hold `part`, sorted.
std::vector<fs::path> files_named(const fs::path& folder, std::string_view part) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(kEnding) && name.find(part) != std::string::npos) found.push_back(it->path());
  }
  if (error) fail("{}: cannot be read: {}", folder.string(), error.message());
  std::ranges::sort(found);
  return found;
}

AutoencoderFile from_diffusers(const fs::path& folder) {
  const fs::path config = folder / kConfig;
  return {architecture_from_json(read_json(config, 1 << 20), config.string()),
          with_attention_names(find_weights(folder, "", "keep one of them there").read()), folder.string()};
}

AutoencoderFile from_taesd(const fs::path& folder, const fs::path& encoder, const fs::path& decoder) {
  AutoencoderFile file{
      {}, from_sequential(read_safetensors(encoder).tensors, read_safetensors(decoder).tensors), folder.string()};
  const auto first = file.tensors.find("decoder.layers.0.weight");
  if (first == file.tensors.end() || first->second.dim() != 4)
    fail("{}: has no tensor '1.weight' of four dimensions, as TAESD's decoder has", decoder.string());
  file.architecture = standard_architecture(AutoencoderKind::tiny, first->second.size(1));
  return file;
}

AutoencoderFile from_folder(const fs::path& folder) {
  if (fs::exists(folder / kConfig)) return from_diffusers(folder);
  if (fs::exists(folder / "vae" / kConfig)) return from_diffusers(folder / "vae");
  const std::vector<fs::path> encoders = files_named(folder, "encoder"), decoders = files_named(folder, "decoder");
  if (encoders.size() == 1 && decoders.size() == 1) return from_taesd(folder, encoders.front(), decoders.front());
  fail(
      "{}: holds no autoencoder: neither {} with {}{} (here or in vae/), as diffusers writes them, nor one "
      "*encoder*{} and one *decoder*{} of TAESD",
      folder.string(), kConfig, kWeights, kEnding, kEnding, kEnding);
}

AutoencoderFile from_file(const fs::path& path) {
  if (is_pickle(path)) refuse_pickle(path);
  Safetensors file = read_safetensors(path);
  const std::string where = path.string();
  if (const auto config = file.metadata.find(kMetadata); config != file.metadata.end()) {
    const std::string place = where + " metadata";
    const auto training = file.metadata.find(kTraining);
    return {architecture_from_json(parse_json(config->second, place), place), std::move(file.tensors), where,
            training == file.metadata.end() ? std::string() : training->second};
  }
  return from_checkpoint(file.tensors, where);
}

}  // namespace

std::string AutoencoderFile::content_hash() const {
  ContentKey key("autoencoder 1");
  key.add(to_json(architecture).dump());
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
    key.add(name).add({static_cast<const char*>(values.const_data_ptr()), values.nbytes()});
  }
  return key.hex();
}

std::string AutoencoderFile::latents_hash() const {
  const Json noted = Json::parse(training, nullptr, /*allow_exceptions=*/false);
  if (noted.is_object() && noted.contains(kLatentsOf) && noted[kLatentsOf].is_string()) return noted[kLatentsOf];
  return content_hash();
}

AutoencoderFile read_autoencoder(const fs::path& path) {
  if (fs::is_directory(path)) return from_folder(path);
  if (fs::exists(path)) return from_file(path);
  fail_usage("{}: there is no such file or folder{}: name the autoencoder's weights", path.string(), place_note(path));
}

std::string save_autoencoder(const fs::path& path, const AutoencoderFile& file) {
  Metadata metadata = {{"format", "pt"}, {kMetadata, to_json(file.architecture).dump()}};
  if (!file.training.empty()) metadata[kTraining] = file.training;
  return write_safetensors(path, file.tensors, metadata);
}

void save_as_diffusers(const fs::path& folder, const AutoencoderFile& file) {
  write_json_atomic(folder / kConfig, to_json(file.architecture));
  Metadata metadata = {{"format", "pt"}};
  if (!file.training.empty()) metadata[kTraining] = file.training;
  write_safetensors(folder / fmt::format("{}{}", kWeights, kEnding), file.tensors, metadata);
}

void require_sizes(const AutoencoderFile& file, AutoencoderKind kind, std::int64_t channels, std::int64_t factor) {
  const AutoencoderArchitecture& a = file.architecture;
  const auto require = [&](bool holds, const std::string& is, const std::string& key, const auto& wanted) {
    if (!holds) fail_usage("model.{} is {}, but {} is of {}: give both alike", key, wanted, file.where, is);
  };
  require(a.kind == kind, fmt::format("kind {}", name_of(a.kind)), "autoencoder", name_of(kind));
  require(a.latent_channels == channels, fmt::format("{} latent channels", a.latent_channels), "autoencoder_channels",
          channels);
  require(a.factor() == factor, fmt::format("factor {}", a.factor()), "autoencoder_factor", factor);
}

}  // namespace spinfill
