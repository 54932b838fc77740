// SPDX-License-Identifier: Apache-2.0
#include "data/scenes/transforms_scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/sets/listed_file.h"
#include "data/sets/pose.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxDescriptionBytes = 64 << 20;
constexpr std::size_t kFirstOfRational = 5;  // k4, k5, k6 in Distortion

class SceneReader {
 public:
  SceneReader(const fs::path& file, Links links) {
    scene_.folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
    scene_.links = links;
    folder_.folder = scene_.folder;
    folder_.links = links;
  }

  Scene read(const Json& root) {
    if (!root.is_object()) {
      problems_.add("the file", "is not a JSON object", "name a transforms.json of nerfstudio or instant-ngp");
      return scene_;
    }
    TransformsFields fields(root, problems_);
    for (const char* name : {"from_na", "from_mitsuba"}) {
      if (const Json* value = fields.find(name); value != nullptr && *value != Json(false) && *value != Json(0))
        fields.wrong(name, "says that the matrices have other axes than OpenGL's", "write them in OpenGL's axes");
    }
    scene_.kind = root.contains("aabb_scale") || root.contains("camera_angle_x") ? "instant-ngp" : "nerfstudio";
    const Lens of_all = lens_of(fields, {});
    const auto frames = root.find("frames");
    if (frames == root.end() || !frames->is_array() || frames->empty() || frames->size() > kMaxSceneViews) {
      problems_.add("frames", fmt::format("is not a list of 1 to {} frames", kMaxSceneViews),
                    "list the pictures with their cameras there");
      return scene_;
    }
    for (std::size_t i = 0; i < frames->size(); ++i) read_frame((*frames)[i], i, of_all);
    return scene_;
  }

  const SetProblems& problems() const { return problems_; }

 private:
  Lens lens_of(TransformsFields& fields, const Lens& of_all) {
    const Lens lens = read_lens(fields, of_all, DistortedLenses::read);
    const auto rational = std::any_of(lens.distortion.begin() + kFirstOfRational, lens.distortion.end(),
                                      [](double term) { return term != 0; });
    if (fields.has("camera_model") && lens.usable) rational_ = *fields.text("camera_model") == "FULL_OPENCV";
    if (rational && !rational_ && lens.usable) {
      fields.wrong("k4", "k4, k5 or k6 is not 0, which tools understand differently",
                   "state camera_model FULL_OPENCV if they are OpenCV's, or undistort the pictures");
    }
    return lens;
  }

  void read_frame(const Json& object, std::size_t index, const Lens& of_all) {
    TransformsFields fields(object, problems_, "frames", index);
    if (!object.is_object()) {
      fields.wrong("", "is not a JSON object", "write it as docs/data.md shows");
      return;
    }
    SceneView view;
    if (!fields.has("file_path")) fields.wrong("file_path", "is missing", "name the frame's picture");
    view.file = fs::path(listed_file(fields, "file_path", folder_, ListedAs::picture)).lexically_normal();
    view.mask_file = listed_file(fields, "mask_file_path", "mask_path", folder_);
    if (!view.file.empty() && !listed_.insert(view.file).second)
      fields.wrong("file_path", "'{}' is listed twice", "name each picture once", shown(view.file));
    if (!fields.has("transform_matrix"))
      fields.wrong("transform_matrix", "is missing", "give the frame its camera, or import the pictures alone");
    const auto pose = read_pose(fields, kMaxSceneCoordinate);
    if (pose) view.world_from_camera = *pose;
    if (const auto azimuth = fields.number("azimuth_deg", -360, 360)) view.azimuth_deg = wrapped_deg(*azimuth);
    Lens lens = lens_of(fields, of_all);
    view.distortion = lens.distortion;
    if (view.file.empty() || !lens.usable) return;
    if (!is_there(view.file)) {
      scene_.left_out.push_back(
          {view.file, "is listed with a camera, but is not there" + why_absent(scene_.folder / view.file)});
      return;
    }
    take_lens(fields, lens, view);
    scene_.views.push_back(std::move(view));
  }

  bool is_there(const std::string& file) const {
    std::error_code error;
    return fs::is_regular_file(scene_.folder / file, error);
  }

  void take_lens(TransformsFields& fields, Lens& lens, SceneView& view) {
    if (!lens.width || !lens.height) {
      if (lens.width || lens.height) {
        fields.wrong(lens.width ? "h" : "w", "is missing", "give the picture's size in px");
        return;
      }
      try {
        const PictureSize size = picture_size(scene_.folder / view.file);
        lens.width = size.width;
        lens.height = size.height;
      } catch (const Error& error) {
        fields.wrong("w", "is missing, and the picture cannot be read to know it ({})", "state w and h", error.what());
        return;
      }
    }
    const int width = static_cast<int>(*lens.width), height = static_cast<int>(*lens.height);
    check_lens(fields, lens, width, height);
    const auto camera = pinhole(lens, width, height);
    if (camera)
      view.lens = *camera;
    else if (lens.usable)
      fields.wrong("", "has a transform_matrix but no focal length",
                   "add fl_x and fl_y (or camera_angle_x) to the frame or the set");
  }

  SetProblems problems_;
  Scene scene_;
  ViewSet folder_;  // where listed_file() looks
  std::set<std::string> listed_;
  bool rational_ = false;  // camera_model says that k4, k5 and k6 are OpenCV's
};

}  // namespace

Scene read_transforms_scene(const fs::path& file, Links links) {
  SceneReader reader(file, links);
  Scene scene = reader.read(read_json(file, kMaxDescriptionBytes));
  for (const auto& problem : reader.problems().list("frames "))
    fail("{}: {} {}: {}", file.string(), problem.where, problem.what, problem.advice);
  return scene;
}

}  // namespace spinfill
