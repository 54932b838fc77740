// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/ray_march.h"

#include "geometry/hull/paths.h"

namespace spinfill {

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width) {
  return hull.distance.is_cpu() ? cpu::march(hull, vehicle_from_camera, intrinsics, height, width)
                                : tensor::march(hull, vehicle_from_camera, intrinsics, height, width);
}

}  // namespace spinfill
