// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/hull/cones.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/references.h"
#include "geometry/hull/selection.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/hull/warp.h"

// The expensive stages of the priors exist twice: tensor/ holds batched tensor code for any device, which is the
// reference, and cpu/ plain loops for the processor, which stop early and store nothing between their steps.
// The public functions of the same names choose by the tensors' device; what both return differs by rounding only. No
// result depends on the number of threads. Tests hold one path against the other.

namespace spinfill::tensor {

at::Tensor silhouette_distance(const at::Tensor& alpha);
at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid);
at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered);
at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid);
Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width);
at::Tensor maps(const Selection& pixels, const at::Tensor& values, std::int64_t views, std::int64_t height,
                std::int64_t width);
at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width);
Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options);

}  // namespace spinfill::tensor

namespace spinfill::cpu {

at::Tensor silhouette_distance(const at::Tensor& alpha);
at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid);
at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered);
// Writes in place.
at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid);
Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width);
at::Tensor maps(const Selection& pixels, const at::Tensor& values, std::int64_t views, std::int64_t height,
                std::int64_t width);
// The channels of a pixel lie side by side in memory.
at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width);
Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options);

}  // namespace spinfill::cpu
