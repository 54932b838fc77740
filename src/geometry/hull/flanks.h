// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "geometry/hull/cones.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

// A view along the vehicle bounds its flanks by a cone only, so the hull bulges where the opposite view is missing. Two
// bounds cut the bulge off, each as tight as the references' outlines allow: at most the share `uncovered` of the edge
// pixels may lose the hull.
//
// 1. Section: where exactly one end is shown, its silhouette is also read as a prism along X, as large as it would be
//    at one place x between the vehicle's middle and the shown end; the nearer to that end, the slimmer. It may uncover
//    0.3 of the share.
// 2. Plan box: rear ≤ x ≤ front, |y| ≤ half width, narrowed towards both ends (plan_box.h: plan_distance).
//
// Cuts hull.distance accordingly and sets hull.plan.
void bound_flanks(Hull& hull, const References& references, const Cones& cones, const VoxelGrid& grid,
                  double uncovered);

}  // namespace spinfill
