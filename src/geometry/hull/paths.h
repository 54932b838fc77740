// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/hull/warp.h"

// The expensive stages of the priors exist twice: batched tensor code for any device, which is the reference, and plain
// loops for the processor, which leave early and keep nothing in memory between their steps. The public functions of
// the same names choose by the tensors' device; what both return differs by rounding only. No result depends on the
// number of threads.

namespace spinfill {

// The box of a voxel grid and its size.
struct VoxelGrid {
  at::Tensor centre, half;  // [B,3]
  std::int64_t X = 0, Y = 0, Z = 0;

  at::Tensor centres() const;  // of the voxels, [B,Z·Y·X,3]
};

// The references' silhouettes as distance pictures.
struct Cones {
  at::Tensor distance;     // [B,R,h,w] px of h×w
  at::Tensor length;       // [B,R]: vehicle lengths per px at depth 1
  at::Tensor projections;  // [B,R,3,4]
  at::Tensor valid;        // [B,R]
};

inline constexpr double kFar = 10;  // vehicle lengths: beyond everything

// What both paths of the ray march keep to.
// Steps between two looks at which rays are still on their way: most arrive within the first few.
inline constexpr int kSteps[] = {5, 5, 8, 10};
inline constexpr int kMostSteps = 28;     // their sum
inline constexpr double kCaution = 0.85;  // distances are octagonal and perspective: up to 8 % + 5 % long
inline constexpr double kLookAhead[] = {1.0, 2.5, 5.0};  // behind the crossing, voxels

// … and of the plan box.
inline constexpr double kPlanFree = 10;       // a bound that binds nothing
inline constexpr double kTaperLength = 0.12;  // share of the length over which an end narrows
inline constexpr double kTaperDepth = 0.25;   // share of the half width lost at the very end
inline constexpr double kNarrowest = 0.09;    // half width of any vehicle (a long bus)
inline constexpr double kUsual = 0.22;        // half width when no reference shows it
inline constexpr double kPlanAcross = 0.92;   // cosine of 23°: a reference nearer to an axis does not show its extent
inline constexpr int kPlanSamples = 32;       // along a ray
// Rows and columns of the raster on the references' pictures through whose cells the rays go.
std::pair<std::int64_t, std::int64_t> plan_raster(std::int64_t height, std::int64_t width);

namespace tensor_path {

at::Tensor silhouette_distance(const at::Tensor& alpha);
// Lower bound of the signed distance to the intersection of the cones at the voxel centres, [B,1,Z,Y,X].
at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid);
at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered);
Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width);
Warped warp_colour(const Surface& surface, const Hull& hull, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options);

}  // namespace tensor_path

namespace cpu {

at::Tensor silhouette_distance(const at::Tensor& alpha);
at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid);
at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered);
// hull distance [B,1,Z,Y,X], cut off by the plan box, in place.
void clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid);
Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width);
at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views);
Warped warp_colour(const Surface& surface, const Hull& hull, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options);
// Selection::maps.
at::Tensor maps(const Selection& pixels, const at::Tensor& values, std::int64_t views, std::int64_t height,
                std::int64_t width);

}  // namespace cpu

}  // namespace spinfill
