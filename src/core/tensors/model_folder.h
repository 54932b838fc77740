// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"

namespace spinfill {

// A folder with one small network: weights.safetensors and manifest.json, which has "format", "version", "sha256" of
// the weights, and "training": what it was trained on and from, with licences, and its "rounds".
struct ModelFolderKind {
  const char* format;   // "spinfill-azimuth"
  const char* what;     // "an azimuth model", in messages
  const char* command;  // "data train-azimuth", which writes them
};
inline constexpr const char* kModelManifest = "manifest.json";

struct ModelFolder {
  Json manifest, training;
  std::string manifest_file, weights_file;  // paths, for messages
  TensorMap weights;
  std::string sha256;  // of the weights' file
};
// Exit 2: no such model. Exit 3: damaged, of another version or kind, or weights that do not fit the manifest's hash.
ModelFolder read_model_folder(const std::filesystem::path& folder, const ModelFolderKind& kind);
// The model of this name that lies with the program: models/NAME of the folder it was built in, or of
// ../share/spinfill where it is installed. None where there is none.
std::optional<std::filesystem::path> model_with_program(const std::string& name);
// Writes both files into the folder, weights as fp16. `more` goes into the manifest.
void write_model_folder(const std::filesystem::path& folder, const ModelFolderKind& kind, const TensorMap& weights,
                        const Json& training, const Json& more = Json::object());

}  // namespace spinfill
