// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_camera.h"

#include <Eigen/Geometry>

#include <cmath>

namespace spinfill {

Camera camera_towards(const ViewSet& set, double azimuth, const Turntable& turntable) {
  const Frame* nearest = nullptr;
  for (const Frame& frame : set.frames) {
    if (!frame.camera) continue;
    if (nearest == nullptr || apart_deg(frame.azimuth_deg, azimuth) < apart_deg(nearest->azimuth_deg, azimuth)) {
      nearest = &frame;
    }
  }
  if (nearest == nullptr) return turntable_camera(turntable, azimuth, set.width, set.height);
  const double turn = (azimuth - nearest->azimuth_deg) * std::acos(-1.0) / 180;
  Eigen::Matrix4d turned = Eigen::Matrix4d::Identity();
  turned.topLeftCorner<3, 3>() = Eigen::AngleAxisd(turn, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  Camera camera = *nearest->camera;
  camera.vehicle_from_camera = turned * camera.vehicle_from_camera;
  return camera;
}

Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable) {
  const Frame* own = set.frame_at(slot);
  if (own == nullptr) own = set.missing_at(slot);
  if (own != nullptr && own->camera) return *own->camera;
  return camera_towards(set, own != nullptr ? own->azimuth_deg : azimuth_of(slot), turntable);
}

ViewSet with_every_camera(const ViewSet& set, const Turntable& turntable) {
  ViewSet out = set;
  for (auto* list : {&out.frames, &out.missing}) {
    for (Frame& frame : *list) {
      if (!frame.camera) frame.camera = camera_towards(set, frame.azimuth_deg, turntable);
    }
  }
  return out;
}

}  // namespace spinfill
