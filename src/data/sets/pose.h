// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <Eigen/Core>

#include "data/sets/transforms_fields.h"

namespace spinfill {

// transform_matrix: camera-to-vehicle, 4x4 or 3x4 by rows. Nothing where it is absent or wrong (and reported, saying
// what kind of matrix it is). `most`: the largest number in it; by default in vehicle lengths.
std::optional<Eigen::Matrix4d> read_pose(TransformsFields& fields, double most = 1e4);

}  // namespace spinfill
