// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "geometry/hull/cones.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

// Plan box: the vehicle's outline seen from above, a rectangle rear ≤ x ≤ front, |y| ≤ half width, whose corners are
// rounded off by a taper towards both ends. A view along the vehicle bounds its flanks by a cone only, so that the
// hull bulges where the opposite view is missing; the narrowest plan box that still explains the references'
// silhouettes cuts the bulge off.

// Shrinks front, rear and width, one after the other, until the share `uncovered` of the references' silhouette
// pixels would see no hull any more. A direction that no reference looks across stays free.
// Returns [B,3]: rear x, front x, half width (vehicle lengths).
at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered);

// hull distance [B,1,Z,Y,X] cut off by the plan box; may be written in place.
at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid);

// fit_plan_box from rays whose samples are known: points [B,P,S,3], inside [B,P,S] the hull, across [B,2]: whether some
// reference looks across X, across Y. Rays without a sample inside do not count.
at::Tensor narrowest_plan(const at::Tensor& points, const at::Tensor& inside, const at::Tensor& across,
                          double uncovered);

// Signed distance (approximate, positive inside) of points [B,N,3] to the plan box → [B,N].
at::Tensor plan_distance(const at::Tensor& plan, const at::Tensor& points);

}  // namespace spinfill
