// SPDX-License-Identifier: Apache-2.0
#include "synth/rig.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace spinfill::synth {

Camera Rig::camera(std::size_t view, int width, int height) const {
  Turntable own = turntable;
  own.elevation_deg += views[view].elevation_deg;
  return reframed(turntable_camera(own, views[view].azimuth_deg, width, height), views[view].framing);
}

namespace {

// The model's vertices in the vehicle frame. Every 7th is enough to know the extent to a fraction of a pixel; small
// parts are taken whole.
std::vector<Eigen::Vector3d> vehicle_points(const Model& model, const Box& frame) {
  std::vector<Eigen::Vector3d> points;
  const Vec3 centre = frame.centre();
  const float scale = frame.size().maxCoeff();
  for (const auto& part : model.parts) {
    const std::size_t step = part.mesh.position.size() > 40000 ? 7 : 1;
    for (std::size_t i = 0; i < part.mesh.position.size(); i += step) {
      points.push_back(((part.mesh.position[i] - centre) / scale).cast<double>());
    }
  }
  return points;
}

// Whether the points are within the picture, and at most `fill` of its width wide.
bool fits(const Camera& camera, const std::vector<Eigen::Vector3d>& points, double fill) {
  const Eigen::Matrix3d camera_from_vehicle = camera.vehicle_from_camera.block<3, 3>(0, 0).transpose();
  const Eigen::Vector3d eye = camera.vehicle_from_camera.block<3, 1>(0, 3);
  double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
  for (const auto& p : points) {
    const Eigen::Vector3d q = camera_from_vehicle * (p - eye);
    if (q.z() > -0.05) return false;
    const double u = camera.cx - camera.fl_x * q.x() / q.z(), v = camera.cy + camera.fl_y * q.y() / q.z();
    left = std::min(left, u);
    right = std::max(right, u);
    top = std::min(top, v);
    bottom = std::max(bottom, v);
  }
  const double margin = 2.25;
  return !(right - left > fill * camera.width || left < margin || right > camera.width - margin || top < margin ||
           bottom > camera.height - margin);
}

}  // namespace

Rig draw_rig(const Model& model, const Box& frame, const SynthOptions& options, Random& random) {
  Rig rig;
  rig.turntable.elevation_deg = random.uniform(options.elevation.low, options.elevation.high);
  rig.turntable.focal = random.uniform(options.focal.low, options.focal.high);
  const double fill = random.uniform(options.fill.low, options.fill.high);
  rig.views.resize(static_cast<std::size_t>(options.views));
  for (int i = 0; i < options.views; ++i) {
    const double jitter = options.azimuth_jitter * random.uniform(-1, 1);
    rig.views[static_cast<std::size_t>(i)].azimuth_deg = std::fmod(360.0 * i / options.views + jitter + 360, 360);
  }
  for (Rig::View& view : rig.views) {
    view.elevation_deg = options.elevation_jitter * random.uniform(-1, 1);
    view.framing.scale = 1 + options.scale_jitter * random.uniform(-1, 1);
    view.framing.shift_x = options.shift_jitter * random.uniform(-1, 1);
    view.framing.shift_y = options.shift_jitter * random.uniform(-1, 1);
    view.framing.roll = options.roll_jitter * std::numbers::pi / 180 * random.uniform(-1, 1);
  }
  const std::vector<Eigen::Vector3d> points = vehicle_points(model, frame);
  const int width = options.width, height = options.picture_height();
  const auto all_fit = [&](double distance) {
    Rig tried = rig;
    tried.turntable.distance = distance;
    for (std::size_t view = 0; view < rig.views.size(); ++view) {
      if (!fits(tried.camera(view, width, height), points, fill)) return false;
    }
    return true;
  };
  double near = 0.5, far = 2;
  while (!all_fit(far)) {
    far *= 1.5;
    if (far > 1e4) fail("the model cannot be brought into a picture of {} × {} px", width, height);
  }
  for (int i = 0; i < 22; ++i) {
    const double middle = (near + far) / 2;
    (all_fit(middle) ? far : near) = middle;
  }
  rig.turntable.distance = far;
  return rig;
}

}  // namespace spinfill::synth
