// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

namespace spinfill {

// What both paths of the plan box have in common.

inline constexpr double kPlanFree = 10;       // a bound that binds nothing
inline constexpr double kTaperLength = 0.12;  // share of the length over which an end narrows
inline constexpr double kTaperDepth = 0.25;   // share of the half width lost at the very end
inline constexpr double kNarrowest = 0.09;    // least half width of any vehicle (a long bus)
inline constexpr double kUsual = 0.22;        // half width when no reference shows it
inline constexpr double kPlanAcross = 0.92;   // cosine of 23°: a reference nearer to an axis does not show its extent
inline constexpr int kPlanSamples = 32;       // along a ray
// Rows and columns of the raster on the references' pictures; the rays go through its cells.
std::pair<std::int64_t, std::int64_t> plan_raster(std::int64_t height, std::int64_t width);

}  // namespace spinfill
