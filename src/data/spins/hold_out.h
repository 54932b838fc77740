// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/sets/view_set.h"
#include "data/spins/hull_agreement.h"

namespace spinfill {

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
