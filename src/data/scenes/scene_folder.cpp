// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/scene_folder.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "data/scenes/colmap_scene.h"
#include "data/scenes/transforms_scene.h"
#include "data/sets/picture_names.h"
#include "data/sets/set_folders.h"
#include "data/sets/view_set_reader.h"

namespace spinfill {
namespace {

// Its own description would be read, too: azimuths that are all stated, beside cameras (if any) in the vehicle's frame.
bool is_view_set(const fs::path& folder, Links links) {
  bool sound = true;
  const ViewSet set = parse_view_set(
      folder, [&](const auto&, const auto&, const auto&) { sound = false; }, links);
  if (!sound || set.frames.empty()) return false;
  const Json root = read_json(folder / "transforms.json");
  return std::ranges::all_of(root["frames"], [](const Json& frame) { return frame.contains("azimuth_deg"); }) &&
         (root.contains("category") || !set.states_cameras());
}

void name_pictures_without_camera(Scene& scene) {
  std::set<fs::path> known, folders;
  for (const SceneView& view : scene.views) {
    known.insert(fs::path(view.file).lexically_normal());
    folders.insert(fs::path(view.file).lexically_normal().parent_path());
    if (!view.mask_file.empty()) known.insert(fs::path(view.mask_file).lexically_normal());
  }
  for (const fs::path& below : folders) {
    const FolderListing listing = list_pictures(scene.folder / below);
    for (const std::string& file : listing.pictures)
      if (!known.contains(below / file))
        scene.left_out.push_back({(below / file).string(), "has no camera in the " + scene.kind + " description"});
    for (const auto* files : {&listing.other_formats, &listing.other_endings})
      for (const std::string& file : *files)
        if (!known.contains(below / file))
          scene.left_out.push_back({(below / file).string(), "has no camera, and is not read under this ending"});
  }
}

}  // namespace

std::optional<Scene> read_scene(const fs::path& source, Links links) {
  std::error_code error;
  std::optional<Scene> scene;
  if (fs::is_regular_file(source, error)) {
    if (lower_case(source.extension().string()) != ".json")
      fail_usage("{}: is neither a folder nor a description such as transforms.json: name the vehicle's folder",
                 source.string());
    scene = read_transforms_scene(source, links);
  } else if (!fs::is_directory(source, error)) {
    fail_usage("{}: there is no such folder{}", source.string(), why_absent(source));
  } else if (const auto model = colmap_model_folder(source); has_transforms(source)) {
    if (is_view_set(source, links))
      fail_usage("{}: is a view set already: use it as it is (spinfill data check, data stabilise)", source.string());
    if (model) log_info("{}: transforms.json is read, not the model of COLMAP beside it", source.string());
    scene = read_transforms_scene(source / "transforms.json", links);
  } else if (model) {
    scene = read_colmap_scene(*model, links);
  } else {
    return std::nullopt;
  }
  name_pictures_without_camera(*scene);
  if (scene->views.empty())
    fail("{}: none of its pictures is there ({}: {})", source.string(), scene->left_out.front().file,
         scene->left_out.front().why);
  return scene;
}

}  // namespace spinfill
