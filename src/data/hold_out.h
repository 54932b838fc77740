// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/stabilise.h"

namespace spinfill {

// How well the visual hull of some views agrees with a view's mask: intersection over union of the silhouettes at half
// coverage, at `kHullScoreWidth` px.
inline constexpr int kHullScoreWidth = 256;
struct HullAgreement {
  double as_photographed = 0;  // with the view's camera as it is
  double iou = 0;              // after the scale and shift that fit best: nobody can know how a photograph was framed
};
// cameras in px of the set's pictures; hull from the views where is_reference holds.
std::vector<HullAgreement> hull_agreement(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                          const std::vector<bool>& is_reference);

// Left-out views: the cameras and the hull come from the others; of the left-out picture nothing but its stated azimuth
// is used.
struct HeldOutView {
  double azimuth_deg = 0;            // as stated
  std::vector<double> left_out_deg;  // all that were left out with it
  HullAgreement agreement, before;   // before: on the canonical turntable
  double references = 0;             // mean agreement (as photographed) at the references
};
// Every choice of `count` left-out views in turn. progress(done, total).
std::vector<HeldOutView> hold_out(const ViewSet& set, int count, const Turntable& canonical,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace spinfill
