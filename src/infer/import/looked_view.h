// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <opencv2/core/mat.hpp>

#include "data/scenes/scene_picture.h"
#include "data/scenes/silhouette_body.h"
#include "data/walkaround/masked_photographs.h"
#include "data/walkaround/usability.h"

namespace spinfill {

// What is kept of a view once its picture was seen: small enough for many.
struct LookedView {
  Camera camera;  // of the upright pinhole picture; its pose is world_from_camera
  Usability usable;
  cv::Mat alpha;  // 8-bit, of `box`
  cv::Rect box;   // of the vehicle with some room, px of that picture; empty: nothing stands out
  bool cut_off = false;

  // The camera of the picture's part `box`.
  Camera box_camera() const;
  // As seen from `placed`, which is box_camera() in another frame.
  SeenBody seen_body(const Camera& placed) const;
};

// A picture of a scene, upright and masked, and what is kept of it.
struct LookedPicture {
  MaskedPhotograph photograph;
  LookedView view;
};
LookedPicture look_at(const Scene& scene, const SceneView& view, const Eigen::Vector3d& world_up,
                      LazySegmenter& segmenter);

// The vehicle alone in a window of this size round the middle of its box: 8-bit straight RGBA, and the window's camera.
// Reads the picture again.
struct WindowPicture {
  cv::Mat rgba;
  Camera camera;
};
WindowPicture window_picture(const Scene& scene, const SceneView& view, const LookedView& looked, cv::Size window,
                             const Eigen::Vector3d& world_up);

}  // namespace spinfill
