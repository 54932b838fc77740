// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/photo/photo_warp.h"
#include "data/pictures/letterbox.h"
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

// Whether photographs show more than the model's pictures, which hold this many of their pixels' widths in one; else
// what the model generates is delivered.
bool shows_more(const Letterbox& fitted);

// generate_views() and that, for the cameras that the set holds: what `spinfill complete` delivers and
// `spinfill evaluate --at photo` scores. `known`, where it was computed before, is of a set that asks for all views
// that `set` lacks.
GeneratedViews photo_views(const LoadedModel& model, const ViewSet& set, const SlotPictures& pictures,
                           const RunnerOptions& options, const PhotoGeometry* known = nullptr);

}  // namespace spinfill
