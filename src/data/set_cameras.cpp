// SPDX-License-Identifier: Apache-2.0
#include "data/set_cameras.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "data/samples.h"
#include "data/stabilise.h"

namespace spinfill {

namespace {
constexpr double kDegree = std::numbers::pi / 180;
}

SetCameras cameras_of(const ViewSet& set, const Slots& references, const DataConfig& config) {
  const bool estimated = config.cameras == "estimated" && references.any();
  Stabilisation stabilisation;
  std::array<int, 8> place{};  // of a reference among those of the estimate
  if (estimated) {
    ViewSet given = as_photographed(set);
    std::vector<Frame> frames;
    for (int slot = 0; slot < 8; ++slot) {
      if (!references[static_cast<std::size_t>(slot)]) continue;
      place[static_cast<std::size_t>(slot)] = static_cast<int>(frames.size());
      Frame frame = *set.frame_at(slot);
      frame.azimuth_deg = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
      frames.push_back(frame);
    }
    given.frames = frames;
    stabilisation = stabilise_set(given);
  }
  SetCameras out;
  for (int slot = 0; slot < 8; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    const Frame* frame = set.frame_at(slot);
    out.azimuth_deg[at] = frame != nullptr ? frame->azimuth_deg : 45.0 * slot;
    if (estimated) {
      const double stated = frame != nullptr ? frame->stated_azimuth_deg.value_or(frame->azimuth_deg) : 45.0 * slot;
      const StabilisedView view =
          references[at] ? stabilisation.views[static_cast<std::size_t>(place[at])] : stabilisation.predict(stated);
      out.camera[at] = view.camera;
      out.azimuth_deg[at] = view.azimuth_deg;
    } else if (config.cameras == "stated") {
      out.camera[at] = camera_at(set, slot, config.turntable.turntable);
    } else {
      out.camera[at] = turntable_camera(config.turntable.turntable, out.azimuth_deg[at], set.width, set.height);
    }
  }
  return out;
}

std::array<float, 6> stabilisation_cue(const Camera& camera, int slot, const Turntable& canonical) {
  const Direction direction = viewing_direction(camera);
  const double distance = camera.vehicle_from_camera.block<3, 1>(0, 3).norm();
  const double scale = (camera.fl_x / distance) / (canonical.focal * camera.width / canonical.distance);
  const Eigen::Vector2d origin = project(camera, Eigen::Vector3d::Zero());
  const double roll = viewing_roll(camera);
  const double turned = std::remainder(direction.azimuth_deg - 45.0 * slot, 360.0);
  const double values[] = {std::log(scale),
                           (origin.x() - camera.width / 2.0) / camera.width,
                           (origin.y() - camera.height / 2.0) / camera.width,
                           roll,
                           turned * kDegree,
                           direction.elevation_deg * kDegree};
  std::array<float, 6> cue{};
  for (std::size_t i = 0; i < cue.size(); ++i) cue[i] = static_cast<float>(values[i]);
  return cue;
}

}  // namespace spinfill
