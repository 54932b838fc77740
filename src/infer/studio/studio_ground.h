// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"
#include "data/sets/view_set.h"
#include "infer/studio/background.h"
#include "infer/studio/ground_reflection.h"
#include "infer/studio/ground_shadow.h"
#include "infer/studio/studio_view.h"

namespace spinfill {

enum class StudioGroundKind {
  shadow,      // a matt floor
  reflection,  // a polished one: the vehicle's mirror image, and half of the shadow
  none,
};
template <>
inline constexpr Named<StudioGroundKind> kNamesOf<StudioGroundKind>[] = {{StudioGroundKind::shadow, "shadow"},
                                                                         {StudioGroundKind::reflection, "reflection"},
                                                                         {StudioGroundKind::none, "none"}};

struct StudioGroundOptions {
  StudioGroundKind kind = StudioGroundKind::shadow;
  double shadow = 0.8;       // how dark the ground under the vehicle gets, [0,1]
  double reflection = 0.35;  // what a polished floor throws back of light that falls straight onto it, [0,1]
};

// What the ground shows of a vehicle: the same for all views, so that it turns with the vehicle.
class StudioGround {
 public:
  // Of the visual hull of the views, with their exposures. Exit 3: nothing is left of it.
  StudioGround(const ViewSet& set, const std::vector<StudioView>& views, const StudioGroundOptions& options);

  // A picture of the camera's size, 8-bit straight RGBA: the vehicle (CV_32FC4 premultiplied) on the ground before the
  // background; opaque unless that is transparent. `bottom` is where its tyres end, px: by what the camera's estimate
  // is off, the ground is moved.
  cv::Mat under(const cv::Mat& vehicle, const Camera& camera, double bottom, const StudioBackground& background) const;

 private:
  StudioGroundOptions options_;
  std::optional<GroundShadow> shadow_;
  std::optional<GroundReflection> reflection_;
};

}  // namespace spinfill
