// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/model_folder.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"

namespace spinfill {
namespace {

constexpr int kModelVersion = 1;
constexpr const char* kModelWeights = "weights.safetensors";

}  // namespace

std::optional<fs::path> model_with_program(const std::string& name) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"../../models", "../share/spinfill/models"}) {
    const fs::path folder = program / place / name;
    if (fs::exists(folder / kModelManifest)) return folder.lexically_normal();
  }
  return std::nullopt;
}

ModelFolder read_model_folder(const fs::path& folder, const ModelFolderKind& kind) {
  ModelFolder out;
  out.manifest_file = (folder / kModelManifest).string();
  out.weights_file = (folder / kModelWeights).string();
  const std::string& where = out.manifest_file;
  if (!fs::exists(where))
    fail_usage("{}: is not {} (no {}); name the folder that {} wrote", folder.string(), kind.what, kModelManifest,
               kind.command);
  out.manifest = read_json(where, 1 << 20);
  if (!out.manifest.is_object() || out.manifest.value("format", Json()) != Json(kind.format))
    fail("{}: is not {}'s manifest", where, kind.what);
  if (out.manifest.value("version", Json()) != Json(kModelVersion))
    fail("{}: version {} is not known here, only {}", where, out.manifest.value("version", Json()).dump().substr(0, 20),
         kModelVersion);
  out.weights = read_safetensors(out.weights_file).tensors;
  out.sha256 = sha256_file(out.weights_file);
  if (out.manifest.value("sha256", Json()) != Json(out.sha256))
    fail("{}: does not match its hash in the manifest; copy the model again", out.weights_file);
  out.training = out.manifest.value("training", Json::object());
  if (!out.training.is_object() || !out.training.value("rounds", Json::array()).is_array())
    fail("{}: field 'training' is damaged", where);
  return out;
}

void write_model_folder(const fs::path& folder, const ModelFolderKind& kind, const TensorMap& weights,
                        const Json& training, const Json& more) {
  TensorMap half;
  for (const auto& [name, tensor] : weights) half[name] = tensor.detach().to(at::kHalf);
  const std::string hash = write_safetensors(folder / kModelWeights, half);
  Json manifest = {{"format", kind.format}, {"version", kModelVersion}};
  manifest.update(more);
  manifest["sha256"] = hash;
  manifest["training"] = training;
  write_json_atomic(folder / kModelManifest, manifest);
}

}  // namespace spinfill
