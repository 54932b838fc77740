// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "data/priors/priors.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"
#include "geometry/camera.h"

namespace spinfill {

// A view at the size of a set's pictures, for computations within a window round the hull: their cost goes with the
// vehicle's size and not with the picture's.
struct PhotoView {
  const Frame* frame;
  const cv::Mat* picture;  // 8-bit straight RGBA of the set's size; nullptr: what it shows is not known
};

// What one of a set's further frames shows.
struct FurtherPicture {
  cv::Mat picture;    // 8-bit straight RGBA of the set's size
  double weight = 1;  // of its colours, in (0,1] (odd_references.h)
};

// The set's frames with their `pictures`, its further ones with theirs (unless there are none), then its missing ones.
// Exit 3 where one has no camera.
std::vector<PhotoView> photo_views_of(const ViewSet& set, const SlotPictures& pictures,
                                      const std::vector<FurtherPicture>& further = {});

// One window for each view, all of one size, px of the set's pictures; may reach beyond the picture.
struct PhotoWindows {
  std::vector<cv::Rect> windows;
  // Of the hull, px of the set's pictures, to a hundredth of its width; empty where a view sees nothing of it: masks
  // and cameras that have no body in common.
  std::vector<cv::Rect2d> boxes;
  Camera camera(const PhotoView& view, std::size_t index) const;  // of the window's pixels
};
// Reads the pictures of the given ones alone.
PhotoWindows photo_windows(const ViewSet& set, const std::vector<PhotoView>& views);

// What priors are computed from: one set of V views of `size`, on white. Those with a picture are its references:
// `picture` gives them as [4,H,W] premultiplied, `camera` the cameras of all, by their index.
PriorInputs photo_inputs(const std::vector<PhotoView>& views, cv::Size size,
                         const std::function<at::Tensor(std::size_t)>& picture,
                         const std::function<Camera(std::size_t)>& camera);

// Voxels of about two pixels for pictures of this width, everything else as sharp as it can be.
PriorConfig photo_priors(int width);

// [C,H,W] → CV_32FC(C).
cv::Mat mat_of(const at::Tensor& planes);

// [4,H,W] premultiplied: a whole picture, or a window of it, transparent beyond the picture.
at::Tensor rgba_planes(const cv::Mat& premultiplied);
at::Tensor window_of(const cv::Mat& rgba, const cv::Rect& window);

}  // namespace spinfill
