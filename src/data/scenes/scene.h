// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "core/files/links.h"
#include "data/sets/lens.h"
#include "data/walkaround/photographs.h"
#include "geometry/camera.h"

namespace spinfill {

// Photographs with cameras as other tools describe them, in a world of their own: of any origin, scale, vertical and
// heading.

struct SceneView {
  std::string file;       // relative to the scene's folder
  std::string mask_file;  // the same; "": none
  // OpenGL axes (+X right, +Y up, −Z forward), the world's unit.
  Eigen::Matrix4d world_from_camera = Eigen::Matrix4d::Identity();
  Camera lens;  // its intrinsics and size, px of the file as the tool read it; its pose says nothing
  Distortion distortion{};
  std::optional<double> azimuth_deg = {};  // where the file states it: 0 shows the front, 90 the left side
  Eigen::Vector3d centre() const { return world_from_camera.topRightCorner<3, 1>(); }
};

struct Scene {
  std::filesystem::path folder;  // in which its pictures lie; its name is the vehicle's
  std::string kind;              // "nerfstudio", "instant-ngp", "COLMAP": for people
  std::vector<SceneView> views;
  std::vector<LeftOut> left_out;  // pictures without a camera, cameras without a picture
  Links links = Links::stay_inside;
};

// More is no walk round one vehicle.
inline constexpr std::size_t kMaxSceneViews = 10000;
// Of a world in any unit: millimetres, geographic coordinates.
inline constexpr double kMaxSceneCoordinate = 1e7;

}  // namespace spinfill
