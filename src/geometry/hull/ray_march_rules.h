// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace spinfill {

// What both paths of the ray march have in common.

// Steps between two checks which rays are still on their way: most arrive within the first few. A ray that grazes the
// body needs more of them the finer the grid is: the last number repeats until most_steps().
inline constexpr int kSteps[] = {5, 5, 8, 10};
inline constexpr int kMostSteps = 28;  // their sum, for a grid of 64
inline int most_steps(std::int64_t grid) {
  const auto extra = grid <= 64 ? 0 : (grid * kMostSteps / 64 - kMostSteps + 9) / 10;
  return kMostSteps + 10 * static_cast<int>(extra);
}
// A ray that only grazes an edge shows what lies behind it, too: else thin lines of background run across the body
// wherever a part stands before another. Grids of up to 64 keep what models were trained with: there the lines are
// narrower than a pixel.
inline bool looks_behind_edges(std::int64_t grid) {
  return grid > 64;
}
inline constexpr double kCaution = 0.85;  // distances are octagonal and perspective: up to 8 % + 5 % too long
inline constexpr double kLookAhead[] = {1.0, 2.5, 5.0};  // behind the crossing, voxels

}  // namespace spinfill
