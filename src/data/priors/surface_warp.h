// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/priors/prior_image.h"

namespace spinfill {

// Letters: N views, R references of each (padded), H W pixels.

// How far behind a reference's own surface a corrected point may lie and still count as seen, vehicle lengths:
// corrections move points by some per cent of it.
inline constexpr double kCorrectedSlack = 0.03;

// The hull warp of chosen views as a function of where the surface lies: with a correction of its depth, every
// reference is looked up where the corrected point falls, directly and through the mirror plane, so that all sources
// move together. Differentiable in the correction.
class SurfaceWarp {
 public:
  // What pixels see of the hull: [B,V,C,h,w] of any size.
  struct Views {
    at::Tensor point, normal;  // 3, vehicle frame
    at::Tensor direction;      // 3, of the pixels' rays
    at::Tensor silhouette;     // 1
  };
  // Views `rows` [N] (int64 into B·V) of what priors were computed from; colours as with PriorConfig::sharp.
  SurfaceWarp(const PriorInputs& inputs, const PriorMaps& maps, const at::Tensor& rows);

  // The same of other rays than those of the inputs' pictures, such as a close-up's. The pictures may be k times as
  // large as the maps, from which the references' own depth is then taken.
  SurfaceWarp(const PriorInputs& inputs, const PriorMaps& maps, const Views& views, const at::Tensor& rows);

  // The views `which` [M] (int64 into N) of it, as they are or several times.
  SurfaceWarp select(const at::Tensor& which) const;

  // Windows of height × width pixels of its views, one of each: rows [N], columns [N] (int64) of their first pixels.
  SurfaceWarp windows(const at::Tensor& rows, const at::Tensor& columns, std::int64_t height, std::int64_t width) const;

  // correction [N,1,h,w], vehicle lengths along each pixel's ray, positive away from the camera; undefined: none.
  // Maps [N,1,…,h,w].
  PriorPicture at(const at::Tensor& correction) const;
  at::Tensor background() const { return background_; }  // [N,3]

 private:
  SurfaceWarp() = default;
  std::int64_t height_ = 0, width_ = 0;          // h, w
  at::Tensor point_, normal_, direction_;        // [N,hw,3]
  at::Tensor coverage_;                          // [N,hw]
  at::Tensor background_;                        // [N,3]
  at::Tensor pose_, intrinsics_, valid_, maps_;  // of the references: [N,R,4,4], [N,R,4], [N,R], [N,R,6,H,W]
};

}  // namespace spinfill
