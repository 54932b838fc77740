// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "geometry/hull/cpu/volume.h"

namespace spinfill::cpu {

// The distance, cut off far from the surface where it jumps between cones, averaged over 3×3×3 voxels: [Z,Y,X].
std::vector<float> smoothed(const Volume& volume);

// Outward unit normal at a point: against the gradient of the smoothed distance, central differences between voxels.
Point normal(const Volume& smooth, const Point& p);

}  // namespace spinfill::cpu
