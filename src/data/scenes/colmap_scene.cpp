// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/colmap_scene.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "core/files/text_file.h"
#include "core/log.h"
#include "data/scenes/colmap_model.h"
#include "data/sets/set_paths.h"
#include "data/sets/transforms_fields.h"

namespace spinfill {
namespace {

constexpr std::array<const char*, 3> kModelFolders = {"sparse/0", "sparse", "colmap/sparse/0"};
constexpr int kLevelsUp = 4;  // from colmap/sparse/0 to the folder that holds images/

bool holds_model(const fs::path& folder) {
  std::error_code error;
  return (fs::exists(folder / "cameras.bin", error) && fs::exists(folder / "images.bin", error)) ||
         (fs::exists(folder / "cameras.txt", error) && fs::exists(folder / "images.txt", error));
}

// The folder that holds images/, of the model's and those above it.
fs::path scene_folder_of(const fs::path& model) {
  std::error_code error;
  fs::path folder = fs::weakly_canonical(model);
  for (int level = 0; level < kLevelsUp && folder.has_relative_path(); ++level, folder = folder.parent_path())
    if (fs::is_directory(folder / "images", error)) return folder;
  fail("{}: there is no folder images/ beside this model of COLMAP: lay its pictures there", model.string());
}

void tell_other_models(const fs::path& model) {
  std::vector<std::string> others;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(model.parent_path(), error))
    if (entry.path() != model && model.filename() == "0" && holds_model(entry.path()))
      others.push_back(entry.path().filename().string());
  std::ranges::sort(others);
  if (!others.empty())
    log_warning("{}: {} other model{} of COLMAP beside it not read ({}): name its folder to import it", model.string(),
                others.size(), others.size() == 1 ? " is" : "s are", fmt::join(others, ", "));
}

// masks/NAME.png, or NAME with its ending replaced.
std::string mask_of(const Scene& scene, const std::string& name) {
  std::error_code error;
  for (const fs::path& mask :
       {fs::path("masks") / (name + ".png"), fs::path("masks") / fs::path(name).replace_extension(".png")})
    if (fs::is_regular_file(scene.folder / mask, error)) return mask.string();
  return "";
}

}  // namespace

std::optional<fs::path> colmap_model_folder(const fs::path& folder) {
  if (holds_model(folder)) return folder;
  for (const char* below : kModelFolders)
    if (holds_model(folder / below)) return folder / below;
  return std::nullopt;
}

Scene read_colmap_scene(const fs::path& model, Links links) {
  tell_other_models(model);
  std::error_code error;
  const bool binary = fs::exists(model / "cameras.bin", error) && fs::exists(model / "images.bin", error);
  const fs::path cameras_file = model / (binary ? "cameras.bin" : "cameras.txt"),
                 images_file = model / (binary ? "images.bin" : "images.txt");
  constexpr std::uint64_t kMaxCameras = 64 << 20, kMaxImages = std::uint64_t{8} << 30;  // points are in the latter
  const ColmapCameras cameras =
      binary ? colmap_cameras_binary(read_file(cameras_file, kMaxCameras), cameras_file.string())
             : colmap_cameras_text(read_text_file(cameras_file, kMaxCameras), cameras_file.string());
  std::vector<ColmapImage> images =
      binary ? colmap_images_binary(read_file(images_file, kMaxImages), images_file.string())
             : colmap_images_text(read_text_file(images_file, kMaxImages), images_file.string());
  if (images.empty()) fail("{}: holds no image", images_file.string());
  Scene scene;
  scene.folder = scene_folder_of(model);
  scene.kind = "COLMAP";
  scene.links = links;
  std::ranges::sort(images, {}, &ColmapImage::name);
  std::set<std::string> listed;
  for (const ColmapImage& image : images) {
    std::string name = image.name;
    if (!fs::exists(scene.folder / "images" / name, error)) std::ranges::replace(name, '\\', '/');
    if (const auto problem = path_problem(scene.folder / "images", name, links))
      fail("{}: image {}: {}", images_file.string(),
           fmt::format(fmt::runtime(problem->what), problem->by_link.value_or(shown(image.name))), problem->advice);
    if (!listed.insert(name).second) fail("{}: '{}' is listed twice", images_file.string(), shown(name));
    const auto camera = cameras.find(image.camera_id);
    if (camera == cameras.end())
      fail("{}: '{}' has camera {}, which {} does not list", images_file.string(), shown(name), image.camera_id,
           cameras_file.filename().string());
    SceneView view;
    view.file = (fs::path("images") / name).string();
    if (!fs::is_regular_file(scene.folder / view.file, error)) {
      scene.left_out.push_back(
          {view.file, "is listed with a camera, but is not there" + why_absent(scene.folder / view.file)});
      continue;
    }
    view.mask_file = mask_of(scene, name);
    view.world_from_camera = image.world_from_camera;
    view.lens = camera->second.lens;
    view.distortion = camera->second.distortion;
    scene.views.push_back(std::move(view));
  }
  return scene;
}

}  // namespace spinfill
