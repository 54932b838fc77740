// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "data/photo/hull_boxes.h"
#include "data/pictures/letterbox.h"
#include "data/priors/priors.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"
#include "geometry/hull/references.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

// The hull warp of one view at the size of the set's pictures, in a window that holds the hull.
struct PhotoWarp {
  cv::Rect window;   // in the picture, px; may reach beyond it
  cv::Mat colour;    // CV_32FC3 straight sRGB in [0,1], filled from the surroundings where nothing was seen
  cv::Mat alpha;     // CV_32FC1 in [0,1]
  cv::Mat trust;     // CV_32FC1 in [0,1]: 0 where no reference shows the surface, directly or mirrored
  cv::Mat mirrored;  // CV_32FC1 in [0,1]: share of what was seen that is from the mirror side
};
using SlotWarps = std::array<std::optional<PhotoWarp>, kSlots>;

// A correction of the surface's depth along the rays of a view: CV_32FC1, vehicle lengths, positive away from the
// camera, in a picture that the set's is fitted into.
struct DepthCorrection {
  cv::Mat map;
  Letterbox fitted;
};

// The hull of a set's references at the size of its pictures, and what they show of it. Every frame of the set, given
// or missing, needs a camera; `pictures` holds the given ones, `boxes` is hull_boxes() of both. Computed within windows
// round the hull, so that the cost goes with the vehicle's size and not with the picture's. Voxels have about two
// pixels.
class PhotoHull {
 public:
  PhotoHull(const ViewSet& set, const SlotPictures& pictures, const SlotBoxes& boxes);

  // The references carried onto the view at `slot` in set.missing; none where it sees nothing of the hull: masks and
  // cameras that have no body in common.
  std::optional<PhotoWarp> warp(int slot, const DepthCorrection* correction = nullptr) const;

 private:
  struct View {
    Camera camera;  // in its window
    cv::Rect window;
  };
  PriorConfig config_;
  cv::Size size_;  // of the windows
  std::array<std::optional<View>, kSlots> asked_;
  References references_;
  Hull hull_;
  at::Tensor seen_;  // reference_maps()
};

// The hull and its warps onto all views in set.missing, without corrections.
struct PhotoGeometry {
  SlotBoxes boxes;
  PhotoHull hull;
  SlotWarps warps;
};
PhotoGeometry photo_geometry(const ViewSet& set, const SlotPictures& pictures);

SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures);  // of it, the warps alone

// What it shows by itself: 8-bit straight RGBA of the picture's size.
cv::Mat picture_of(const PhotoWarp& warp, int width, int height);
// The same of any premultiplied window, CV_32FC4.
cv::Mat picture_of(const cv::Mat& premultiplied, const cv::Rect& window, int width, int height);

}  // namespace spinfill
