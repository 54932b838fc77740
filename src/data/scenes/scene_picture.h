// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

#include "data/scenes/scene.h"

namespace spinfill {

// A picture of a scene as a pinhole took it.
struct ScenePicture {
  cv::Mat rgba;   // 8-bit straight; alpha is its own and the mask file's, where it has either, else 255
  bool masked;    // whether it has
  cv::Mat seen;   // 8-bit: 255 where the lens looked, 0 in what undistortion added; empty: everywhere
  Camera camera;  // its pose is world_from_camera
};

// Reads and, where the lens is distorted, undistorts it (OpenCV's initUndistortRectifyMap: the rational model), keeping
// the focal lengths and all of the picture as far as it lies within half its size more. Exit 3: unreadable, another
// size than its camera's, a distortion that folds the picture.
ScenePicture read_scene_picture(const Scene& scene, const SceneView& view);

// Turned by quarters clockwise until the world's vertical points up in it, camera and all.
ScenePicture turned_upright(ScenePicture picture, const Eigen::Vector3d& world_up);

}  // namespace spinfill
