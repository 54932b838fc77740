// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "data/sets/lens.h"
#include "geometry/camera.h"

namespace spinfill {

// A reconstruction of COLMAP as its documentation describes the files ("Output Format", colmap.github.io/format.html):
// cameras and images, as text or little-endian binary. Points and what else lies beside them is not read.

struct ColmapCamera {
  Camera lens;  // without a pose
  Distortion distortion{};
};

struct ColmapImage {
  std::string name;  // relative to the folder of the images
  std::uint32_t camera_id = 0;
  Eigen::Matrix4d world_from_camera = Eigen::Matrix4d::Identity();  // OpenGL axes
};

using ColmapCameras = std::map<std::uint32_t, ColmapCamera>;

// `where` is the file's name in errors (exit 3): cut off, numbers that are none or not finite, ids twice, a camera
// model that is no pinhole with OpenCV's distortion (SIMPLE_PINHOLE, PINHOLE, SIMPLE_RADIAL, RADIAL, OPENCV,
// FULL_OPENCV).
ColmapCameras colmap_cameras_text(std::string_view text, const std::string& where);
ColmapCameras colmap_cameras_binary(std::string_view bytes, const std::string& where);
std::vector<ColmapImage> colmap_images_text(std::string_view text, const std::string& where);
std::vector<ColmapImage> colmap_images_binary(std::string_view bytes, const std::string& where);

}  // namespace spinfill
