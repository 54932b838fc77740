// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "geometry/camera.h"

namespace spinfill {

// Cameras of B sets of V views as hulls, rays and networks take them.
struct CameraTensors {
  at::Tensor vehicle_from_camera;  // [B,V,4,4] float64
  at::Tensor intrinsics;           // [B,V,4] float64: fl_x fl_y cx cy, px

  CameraTensors(std::int64_t sets, std::int64_t views);  // uninitialised, on the CPU
  void put(std::int64_t set, std::int64_t view, const Camera& camera);
};

}  // namespace spinfill
