// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/scenes/colmap_model.h"

namespace spinfill {

// What text and binary models have in common: the meaning of the numbers.

// One of COLMAP's camera models that can be read.
struct ColmapLensModel {
  int id;
  const char* name;
  std::size_t parameters;
};
// Exit 3 for every other one, by its name where it is known.
const ColmapLensModel& colmap_lens_model(int id, const std::string& where);
const ColmapLensModel& colmap_lens_model(std::string_view name, const std::string& where);

// Exit 3: numbers that no lens has.
ColmapCamera colmap_camera(const ColmapLensModel& model, std::uint64_t width, std::uint64_t height,
                           const std::vector<double>& parameters, const std::string& where);

// From qw qx qy qz tx ty tz, which map the world to the camera's frame (+X right, +Y down, +Z forward). Exit 3: no
// rotation, or not finite.
Eigen::Matrix4d colmap_pose(const std::array<double, 7>& numbers, const std::string& where);

}  // namespace spinfill
