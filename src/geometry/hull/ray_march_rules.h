// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// What both paths of the ray march have in common.

// Steps between two checks which rays are still on their way: most arrive within the first few.
inline constexpr int kSteps[] = {5, 5, 8, 10};
inline constexpr int kMostSteps = 28;     // their sum
inline constexpr double kCaution = 0.85;  // distances are octagonal and perspective: up to 8 % + 5 % too long
inline constexpr double kLookAhead[] = {1.0, 2.5, 5.0};  // behind the crossing, voxels

}  // namespace spinfill
