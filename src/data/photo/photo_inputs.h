// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "data/priors/priors.h"
#include "data/sets/set_pictures.h"

namespace spinfill {

// What the hull at the photographs' size is computed from.

struct PhotoView {
  int slot;
  const Frame* frame;  // of the set
  bool given;
};
// The given views, then those in set.missing. A view without a camera is an error (exit 3).
std::vector<PhotoView> photo_views_of(const ViewSet& set);

// `views` in pictures of `size`: of the given ones premultiplied RGBA [4,h,w] by `picture`, cameras by `camera`, both
// of the view's place in the list.
PriorInputs photo_inputs(const std::vector<PhotoView>& views, cv::Size size,
                         const std::function<at::Tensor(std::size_t)>& picture,
                         const std::function<Camera(std::size_t)>& camera);

// How they are made for pictures `width` px wide: voxels have about two pixels.
PriorConfig photo_priors(int width);

}  // namespace spinfill
