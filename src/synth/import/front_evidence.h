// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// Probability (0 … 1) that a vehicle with these points all over its surface faces `forward` and not the opposite way,
// from its shape: 0.5 where nothing tells, as of a plain box. `forward` and `up` are axes.
float front_probability(const std::vector<Vec3>& points, const Vec3& forward, const Vec3& up);

}  // namespace spinfill::synth
