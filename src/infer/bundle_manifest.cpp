// SPDX-License-Identifier: Apache-2.0
#include "infer/bundle_manifest.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/tensors/safetensors.h"

namespace spinfill {
namespace {

constexpr const char* kFormat = "spinfill-bundle";
std::vector<const char*> files_of_bundle(bool latent, bool identity) {
  std::vector<const char*> files = {kBundleModel, kBundleInputs, kBundleOutputs};
  if (latent) files.push_back(kBundleAutoencoder);
  if (identity) files.push_back(kBundleIdentity);
  return files;
}

std::string own_hash(Json manifest) {
  manifest.erase("sha256");
  return sha256_hex(manifest.dump());
}

// The file is there and is what the manifest says.
void check_file(const fs::path& folder, const char* name, const Json& files, const std::string& where) {
  const Json& entry = object_field(files, name, where + " files");
  const fs::path file = path_inside(folder, name, where);
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  if (error) fail("{}: is missing or cannot be read: {}", file.string(), error.message());
  if (entry.value("bytes", Json()) != Json(bytes)) {
    fail("{}: has {} bytes, the manifest says {}; copy the bundle again", file.string(), bytes,
         entry.value("bytes", Json()).dump());
  }
  if (text_field(entry, "sha256", where + " files") != sha256_file(file)) {
    fail("{}: does not match its hash in the manifest; copy the bundle again", file.string());
  }
}

ParityCase parity_case_of(const Json& item, const std::string& where) {
  if (!item.is_object()) fail("{}: field 'parity.cases' holds something else than objects", where);
  ParityCase parity;
  parity.name = text_field(item, "name", where);
  const auto seed = item.find("seed");
  if (seed == item.end() || !seed->is_number_unsigned()) fail("{}: parity case '{}' has no seed", where, parity.name);
  parity.seed = seed->get<std::uint64_t>();
  parity.sampler = from_json<SamplerConfig>(object_field(item, "sampler", where), where + " parity");
  return parity;
}

}  // namespace

void BundleConfig::bind(Fields& f) {
  f.group("data", data, "Pictures, turntable, priors");
  f.group("model", model, "The denoiser");
  f.group("sampler", sampler, "How views are generated unless asked otherwise");
}

std::string text_field(const Json& json, const char* name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string())
    fail("{}: field '{}' is missing or no text; export it again", where, name);
  return found->get<std::string>();
}

const Json& object_field(const Json& json, const char* name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object())
    fail("{}: field '{}' is missing or no object; export it again", where, name);
  return *found;
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  const std::string where = path.string();
  if (!fs::exists(path))
    fail_usage("{}: is not a bundle (no manifest.json); name the folder that export wrote", folder.string());
  Json manifest = read_json(path, 16 << 20);
  if (!manifest.is_object() || manifest.value("format", Json()) != Json(kFormat)) {
    fail("{}: is not a spinfill bundle's manifest", where);
  }
  if (manifest.value("version", Json()) != Json(kBundleVersion)) {
    fail("{}: bundle version {} is not known here, only {}; use the program that wrote it or export again", where,
         manifest.value("version", Json()).dump().substr(0, 20), kBundleVersion);
  }
  if (text_field(manifest, "sha256", where) != own_hash(manifest)) {
    fail("{}: does not match its own hash; it was changed or damaged, export again", where);
  }
  const Json& files = object_field(manifest, "files", where);
  const auto expected = files_of_bundle(files.contains(kBundleAutoencoder), files.contains(kBundleIdentity));
  if (files.size() != expected.size()) fail("{}: field 'files' must list {}", where, fmt::join(expected, ", "));
  for (const char* name : expected) check_file(folder, name, files, where);
  return manifest;
}

Json write_manifest(const fs::path& folder, BundleDtype dtype, const BundleConfig& config, const Json& provenance,
                    const Json& parity) {
  Json manifest = {{"format", kFormat}, {"version", kBundleVersion}, {"dtype", name_of(dtype)}};
  manifest["config"] = to_json(config);
  manifest["provenance"] = provenance;
  manifest["parity"] = parity;
  for (const char* name : files_of_bundle(!config.model.in_pixels(), !config.data.identity.model.empty())) {
    const fs::path file = folder / name;
    manifest["files"][name] = {{"bytes", fs::file_size(file)}, {"sha256", sha256_file(file)}};
  }
  manifest["sha256"] = own_hash(manifest);
  write_json_atomic(folder / "manifest.json", manifest);
  return manifest;
}

BundleConfig config_of(const Json& manifest, const fs::path& folder) {
  const std::string where = (folder / "manifest.json").string();
  try {
    auto config = from_json<BundleConfig>(object_field(manifest, "config", where), where + " config");
    if (config.model.in_pixels() == manifest["files"].contains(kBundleAutoencoder))
      fail("{}: the model's autoencoder is {}, which does not go with its files; export it again", where,
           name_of(config.model.autoencoder));
    config.model.autoencoder_from = config.model.in_pixels() ? "" : (folder / kBundleAutoencoder).string();
    const std::string& identity = config.data.identity.model;
    if (identity != (manifest["files"].contains(kBundleIdentity) ? kBundleIdentity : ""))
      fail("{}: data.identity.model is '{}', which does not go with its files; export it again", where, identity);
    if (!identity.empty()) config.data.identity.model = (folder / kBundleIdentity).string();
    return config;
  } catch (const Error& error) {
    throw Error(ExitCode::runtime, error.what());  // a damaged bundle, not the user's configuration
  }
}

std::vector<StoredParity> parity_of(const Json& manifest, const fs::path& folder, std::int64_t targets,
                                    const DataConfig& data, const ModelConfig& model) {
  const std::string where = (folder / "manifest.json").string();
  const Json& section = object_field(manifest, "parity", where);
  const auto cases = section.find("cases");
  if (cases == section.end() || !cases->is_array() || cases->empty())
    fail("{}: field 'parity.cases' lists no case", where);
  const TensorMap outputs = read_safetensors(folder / kBundleOutputs).tensors;
  std::vector<StoredParity> stored;
  for (const Json& item : *cases) {
    const ParityCase parity = parity_case_of(item, where);
    const auto found = outputs.find(parity.name);
    const std::vector<std::int64_t> shape = {targets, parity_channels(model), data.height, data.width};
    if (found == outputs.end() || found->second.scalar_type() != at::kFloat ||
        found->second.sizes() != at::IntArrayRef(shape)) {
      fail("{}: has no tensor '{}' of float32 [{}]", (folder / kBundleOutputs).string(), parity.name,
           fmt::join(shape, ","));
    }
    stored.push_back({parity, found->second});
  }
  return stored;
}

}  // namespace spinfill
