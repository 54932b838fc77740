// SPDX-License-Identifier: Apache-2.0
#include "data/sets/scene_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace spinfill {
namespace {

constexpr double kMaxTurn = 30;  // degrees between a camera and its azimuth: more than an estimate ever corrects

constexpr const char* kStateAzimuths =
    "state azimuth_deg for every frame (0 shows the front, 90 the vehicle's left side) and remove transform_matrix: "
    "cameras are then estimated";
constexpr const char* kToVehicle =
    "use camera-to-vehicle matrices in OpenGL axes (-Z forward) and the vehicle's frame (X forward, Y left, Z up, "
    "origin in its centre), or remove them: cameras are then estimated";

// Fields that only other tools write (nerfstudio, instant-ngp, Blender add-ons, converters from COLMAP): the matrices
// beside them are in the frame of that tool's scene.
constexpr std::array kSetMarks = {"applied_transform",
                                  "applied_scale",
                                  "orientation_override",
                                  "scale",
                                  "offset",
                                  "auto_scale_poses_override",
                                  "aabb_scale",
                                  "camera_angle_x",
                                  "center_method_override",
                                  "camera_angle_y",
                                  "ply_file_path",
                                  "enable_depth_loading",
                                  "x_fov",
                                  "integer_depth_scale"};
constexpr std::array kFrameMarks = {"sharpness", "rotation", "colmap_im_id", "camera_angle_x", "x_fov"};
// Truthy: the matrices have other axes.
constexpr std::array kOtherAxes = {"from_na", "from_mitsuba"};

bool is_true(const Json& value) {
  return value.is_boolean() ? value.get<bool>() : value.is_number() && value.get<double>() != 0;
}

// "" where there is none.
std::string mark_of(const Json& root) {
  for (const char* name : kSetMarks) {
    if (root.contains(name)) return name;
  }
  for (const Json& frame : root["frames"]) {
    for (const char* name : kFrameMarks) {
      if (frame.is_object() && frame.contains(name)) return name;
    }
  }
  return "";
}

bool sees_centre(const Camera& camera) {
  // The vehicle's centre in the camera's frame: −Rᵀt.
  const Eigen::Matrix3d rotation = camera.vehicle_from_camera.topLeftCorner<3, 3>();
  const Eigen::Vector3d centre = -(rotation.transpose() * camera.vehicle_from_camera.topRightCorner<3, 1>());
  if (!(centre.z() < 0)) return false;
  const Eigen::Vector2d at = project(camera, Eigen::Vector3d::Zero());
  return at.x() >= 0 && at.y() >= 0 && at.x() <= camera.width && at.y() <= camera.height;
}

}  // namespace

void refuse_other_axes(TransformsFields& set, std::vector<PlacedFrame>& frames) {
  for (const char* name : kOtherAxes) {
    const Json* value = set.find(name);
    if (value == nullptr || !is_true(*value)) continue;
    const auto has_camera = [](const PlacedFrame& placed) { return placed.fields->has("transform_matrix"); };
    if (std::ranges::none_of(frames, has_camera)) continue;
    set.wrong(name, "says that the matrices have other axes than OpenGL's", kStateAzimuths);
    for (PlacedFrame& placed : frames) placed.frame->camera.reset();
    return;
  }
}

void settle_azimuths(const Json& root, std::vector<PlacedFrame>& frames) {
  const std::string mark = mark_of(root);
  for (PlacedFrame& placed : frames) {
    if (placed.states_azimuth) continue;
    Frame& frame = *placed.frame;
    frame.azimuth_deg = std::numeric_limits<double>::quiet_NaN();
    if (!placed.fields->has("transform_matrix")) {
      placed.fields->wrong("azimuth_deg", "is missing", "give the picture's azimuth (0 front, 90 left side)");
    } else if (!mark.empty()) {
      placed.fields->wrong("azimuth_deg",
                           "is missing, and the cameras do not tell where the vehicle's front is: they are in the "
                           "frame of another tool's scene (" +
                               mark + " is such a tool's field)",
                           kStateAzimuths);
      frame.camera.reset();
    } else if (frame.camera && sees_centre(*frame.camera)) {
      frame.azimuth_deg = viewing_direction(*frame.camera).azimuth_deg;
    }
  }
}

void refuse_other_frames(std::vector<PlacedFrame>& frames) {
  for (PlacedFrame& placed : frames) {
    Frame& frame = *placed.frame;
    if (!frame.camera) continue;
    const double stands = viewing_direction(*frame.camera).azimuth_deg;
    if (!sees_centre(*frame.camera)) {
      placed.fields->wrong("transform_matrix", "is a wrong matrix: the camera does not see the vehicle's centre",
                           kToVehicle);
    } else if (apart_deg(stands, frame.azimuth_deg) > kMaxTurn) {
      placed.fields->wrong("transform_matrix", "is a wrong matrix: the camera stands at azimuth {}", kToVehicle,
                           fmt::format("{:.1f}, but azimuth_deg is {:.1f}", stands, frame.azimuth_deg));
    } else {
      continue;
    }
    frame.camera.reset();
  }
}

}  // namespace spinfill
