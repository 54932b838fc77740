// SPDX-License-Identifier: Apache-2.0
#include "synth/import/mesh_files.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "data/sets/categories.h"
#include "synth/import/orientation.h"
#include "synth/vehicles/design.h"

namespace spinfill::synth {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

namespace {

std::vector<fs::path> mesh_paths(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail_usage("--meshes {}: is not a folder", folder.string());
  std::vector<fs::path> paths;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       it != end; it.increment(error)) {
    if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
    const std::string extension = lower(it->path().extension().string());
    if (it->is_regular_file(error) &&
        (extension == ".obj" || extension == ".gltf" || extension == ".glb" || extension == ".dae")) {
      paths.push_back(it->path());
    }
  }
  if (paths.empty()) fail_usage("--meshes {}: no .obj, .gltf, .glb or .dae file in it", folder.string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Names of the folders between the top and the file.
std::vector<std::string> folders_to(const fs::path& path, const fs::path& top) {
  std::vector<std::string> steps;
  for (const auto& step : path.lexically_relative(top).parent_path()) {
    if (step != "." && step != "meshes") steps.push_back(lower(step.string()));
  }
  return steps;
}

// Ids and categories hold nothing else.
std::string plain(std::string name) {
  for (auto& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') c = '_';
  }
  return name;
}

std::string category_of(const std::vector<std::string>& folders, const std::string& stem) {
  for (const auto& category : kCategories) {
    const bool named = std::find(folders.begin(), folders.end(), category) != folders.end() ||
                       stem.find(category) != std::string::npos;
    if (named) return category;
  }
  return plain(folders.empty() ? stem : folders.front());
}

std::string id_of(std::vector<std::string> folders, const std::string& stem) {
  if (folders.empty() || folders.back() != stem) folders.push_back(stem);
  std::string id;
  for (const auto& step : folders) id += (id.empty() ? "" : "-") + step;
  return plain(id);
}

// The axes that the user states for single models.
void read_axes(const fs::path& folder, std::vector<MeshFile>& meshes) {
  const fs::path list = folder / kAxesFile;
  if (!fs::exists(list)) return;
  const std::string where = list.string();
  const Json json = read_json(list, 64 << 20);
  if (!json.is_object()) fail_usage("{}: must be {{\"MODEL\": {{\"front\": \"+x\", \"up\": \"+z\"}}, …}}", where);
  for (const auto& [name, axes] : json.items()) {
    const auto mesh = std::find_if(meshes.begin(), meshes.end(), [&](const MeshFile& file) {
      return file.path.lexically_relative(folder).generic_string() ==
             fs::path(name).lexically_normal().generic_string();
    });
    if (mesh == meshes.end()) fail_usage("{}: there is no model '{}' in {}", where, name, folder.string());
    if (!axes.is_object()) fail_usage("{}: '{}' must be {{\"front\": \"+x\", \"up\": \"+z\"}}", where, name);
    for (const auto& [key, value] : axes.items()) {
      if ((key != "front" && key != "up") || !value.is_string() || !is_axis(value.get<std::string>()))
        fail_usage("{}: '{}': \"front\" and \"up\" may be x, -x, y, -y, z or -z", where, name);
      (key == "up" ? mesh->up : mesh->front) = value.get<std::string>();
    }
  }
}

}  // namespace

std::vector<MeshFile> find_meshes(const fs::path& folder) {
  std::vector<MeshFile> out;
  std::set<std::string> used;
  for (const auto& path : mesh_paths(folder)) {
    const std::vector<std::string> folders = folders_to(path, folder);
    const std::string stem = lower(path.stem().string()), plain = id_of(folders, stem);
    MeshFile file{path, plain, category_of(folders, stem)};
    for (int n = 2; !used.insert(file.id).second; ++n) file.id = fmt::format("{}-{}", plain, n);
    out.push_back(file);
  }
  read_axes(folder, out);
  return out;
}

}  // namespace spinfill::synth
