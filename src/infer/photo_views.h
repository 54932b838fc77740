// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "data/photo/photo_warp.h"
#include "infer/runner.h"

namespace spinfill {

// What is delivered at the size of a set's pictures: the photographs' own pixels, carried onto the hull, wherever some
// reference shows them. The model says what the hull holds too much (bulging corners, the gap under the vehicle) and
// gives the colours of what nobody saw.

// The two put together. generated: 8-bit straight RGBA of the set's size.
struct DetailedView {
  cv::Mat picture;  // the same
  Evidence evidence;
};
DetailedView with_photo_detail(const cv::Mat& generated, const PhotoWarp& warp);

// Whether photographs that are so framed show more than the model's pictures; else what the model generates is
// delivered.
bool shows_more(const SetFraming& framing);

// generate_views() and that, for the cameras that the set holds: what `spinfill complete` delivers and
// `spinfill evaluate --at photo` scores. Each missing frame of the set is handed to `deliver` once it is ready, one
// after another, so that memory does not grow with their number; anchors come first. What no photograph shows of a view
// is that of the anchors before it, where these show it. `known`, where it is, is photo_geometry() of the
// set, which saves carving its hull anew (then without anchors). Returns the matte's residual.
double photo_views(const LoadedModel& model, const ViewSet& set, const SlotPictures& pictures,
                   const RunnerOptions& options, const std::function<void(GeneratedView)>& deliver,
                   const PhotoGeometry* known = nullptr);

}  // namespace spinfill
