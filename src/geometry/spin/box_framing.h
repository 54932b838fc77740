// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include <Eigen/Core>

#include "geometry/hull/silhouette.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/spin/cameras.h"

namespace spinfill {

// Pictures that were cut to the vehicle's box: in each of them the box has its middle in one place and one height
// (data/walkaround/common_frame.h). Taken by hand, or from near, neither is so by chance: perspective makes ends higher
// than sides and moves three-quarter views to one side. On a turntable before a long lens it is, and the turntable
// tells more of a hidden view than its hull does.
struct BoxFraming {
  Eigen::Vector2d middle = Eigen::Vector2d::Zero();  // shares of the picture's width, right and down
  double height = 0;                                 // share of the width
};

// None where there are fewer than four silhouettes or where their boxes differ, but for a few odd ones.
std::optional<BoxFraming> box_framing(const std::vector<const Silhouette*>& silhouettes);

// `view` with the scale and shift that bring the hull's box (hull in the frame of `cameras`), as that view of
// width×height px sees it, to where it is in the pictures. As it is where the view sees nothing of the hull, or where
// that is less than half or more than twice as high.
ViewCorrection framed_by_box(const BoxFraming& framing, const Hull& hull, const SpinCameras& cameras,
                             double stated_azimuth_deg, ViewCorrection view, int width, int height);

}  // namespace spinfill
