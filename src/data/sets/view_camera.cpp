// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_camera.h"

#include <Eigen/Geometry>

#include "geometry/angles.h"

namespace spinfill {
namespace {

Camera turned_to(const Frame& frame, double azimuth) {
  const double turn = (azimuth - frame.azimuth_deg) * kDegree;
  Eigen::Matrix4d turned = Eigen::Matrix4d::Identity();
  turned.topLeftCorner<3, 3>() = Eigen::AngleAxisd(turn, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  Camera camera = *frame.camera;
  camera.vehicle_from_camera = turned * camera.vehicle_from_camera;
  return camera;
}

// a where share is 0, b where it is 1; both look at the vehicle from about the same direction.
Camera blended(const Camera& a, const Camera& b, double share) {
  const auto mix = [share](double x, double y) { return x + share * (y - x); };
  Camera out = a;
  const Eigen::Quaterniond from(Eigen::Matrix3d(a.vehicle_from_camera.topLeftCorner<3, 3>())),
      to(Eigen::Matrix3d(b.vehicle_from_camera.topLeftCorner<3, 3>()));
  out.vehicle_from_camera.topLeftCorner<3, 3>() = from.slerp(share, to).normalized().toRotationMatrix();
  for (int i = 0; i < 3; ++i)
    out.vehicle_from_camera(i, 3) = mix(a.vehicle_from_camera(i, 3), b.vehicle_from_camera(i, 3));
  out.fl_x = mix(a.fl_x, b.fl_x);
  out.fl_y = mix(a.fl_y, b.fl_y);
  out.cx = mix(a.cx, b.cx);
  out.cy = mix(a.cy, b.cy);
  return out;
}

}  // namespace

Camera camera_between(const ViewSet& set, double azimuth, const Turntable& turntable) {
  const Frame *before = nullptr, *after = nullptr;  // clockwise and counter-clockwise of the azimuth
  const auto back = [&](const Frame& frame) { return wrapped_deg(azimuth - frame.azimuth_deg); };
  const auto on = [&](const Frame& frame) { return wrapped_deg(frame.azimuth_deg - azimuth); };
  for (const auto* list : {&set.frames, &set.further}) {
    for (const Frame& frame : *list) {
      if (!frame.camera) continue;
      if (before == nullptr || back(frame) < back(*before)) before = &frame;
      if (after == nullptr || on(frame) < on(*after)) after = &frame;
    }
  }
  if (before == after) return camera_towards(set, azimuth, turntable);  // one, none, or a stated view's own azimuth
  return blended(turned_to(*before, azimuth), turned_to(*after, azimuth), back(*before) / (back(*before) + on(*after)));
}

Camera camera_towards(const ViewSet& set, double azimuth, const Turntable& turntable) {
  const Frame* nearest = nullptr;
  for (const Frame& frame : set.frames) {
    if (!frame.camera) continue;
    if (nearest == nullptr || apart_deg(frame.azimuth_deg, azimuth) < apart_deg(nearest->azimuth_deg, azimuth)) {
      nearest = &frame;
    }
  }
  if (nearest == nullptr) return turntable_camera(turntable, azimuth, set.width, set.height);
  return turned_to(*nearest, azimuth);
}

Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable) {
  const Frame* own = set.frame_at(slot);
  if (own == nullptr) own = set.missing_at(slot);
  if (own != nullptr && own->camera) return *own->camera;
  return camera_towards(set, own != nullptr ? own->azimuth_deg : azimuth_of(slot), turntable);
}

ViewSet with_every_camera(const ViewSet& set, const Turntable& turntable) {
  ViewSet out = set;
  for (auto* list : {&out.frames, &out.further, &out.missing}) {
    for (Frame& frame : *list) {
      if (!frame.camera) frame.camera = camera_towards(set, frame.azimuth_deg, turntable);
    }
  }
  return out;
}

}  // namespace spinfill
