// SPDX-License-Identifier: Apache-2.0
#include "geometry/camera_tensors.h"

#include <ATen/ATen.h>

namespace spinfill {

CameraTensors::CameraTensors(std::int64_t sets, std::int64_t views)
    : vehicle_from_camera(at::empty({sets, views, 4, 4}, at::kDouble)),
      intrinsics(at::empty({sets, views, 4}, at::kDouble)) {}

void CameraTensors::put(std::int64_t set, std::int64_t view, const Camera& camera) {
  const std::int64_t at = set * intrinsics.size(1) + view;
  using RowMajor = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;
  Eigen::Map<RowMajor>(vehicle_from_camera.mutable_data_ptr<double>() + 16 * at) = camera.vehicle_from_camera;
  Eigen::Map<Eigen::Vector4d>(intrinsics.mutable_data_ptr<double>() + 4 * at) << camera.fl_x, camera.fl_y, camera.cx,
      camera.cy;
}

}  // namespace spinfill
