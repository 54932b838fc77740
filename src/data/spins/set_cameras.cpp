// SPDX-License-Identifier: Apache-2.0
#include "data/spins/set_cameras.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_camera.h"
#include "data/spins/stabilise.h"

namespace spinfill {

namespace {

double stated_azimuth(const ViewSet& set, int slot) {
  const Frame* frame = set.frame_at(slot);
  return frame != nullptr ? frame->stated_azimuth_deg.value_or(frame->azimuth_deg) : azimuth_of(slot);
}

SetCameras estimated_cameras(const ViewSet& set, const Slots& references) {
  ViewSet given = as_photographed(set);
  given.frames.clear();
  std::array<std::size_t, kSlots> place{};  // of a reference among those of the estimate
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!references[static_cast<std::size_t>(slot)]) continue;
    place[static_cast<std::size_t>(slot)] = given.frames.size();
    Frame frame = *set.frame_at(slot);
    frame.azimuth_deg = stated_azimuth(set, slot);
    given.frames.push_back(frame);
  }
  const Stabilisation stabilisation = stabilise_set(given);
  SetCameras out;
  for (int slot = 0; slot < kSlots; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    const StabilisedView view =
        references[at] ? stabilisation.views[place[at]] : stabilisation.predict(stated_azimuth(set, slot));
    out.camera[at] = view.camera;
    out.azimuth_deg[at] = view.azimuth_deg;
  }
  return out;
}

SetCameras turntable_cameras(const ViewSet& set, const Turntable& turntable) {
  SetCameras out;
  for (int slot = 0; slot < kSlots; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    out.azimuth_deg[at] = stated_azimuth(set, slot);
    out.camera[at] = turntable_camera(turntable, out.azimuth_deg[at], set.width, set.height);
  }
  return out;
}

// Fixed size: of each slot (width, height, fl_x, fl_y, cx, cy, 16 of the pose by rows, azimuth).
constexpr std::size_t kCameraNumbers = 23;
using Numbers = std::array<double, kSlots * kCameraNumbers>;

Numbers numbers_of(const SetCameras& cameras) {
  Numbers numbers{};
  for (std::size_t v = 0; v < kSlots; ++v) {
    const Camera& c = cameras.camera[v];
    double* out = numbers.data() + v * kCameraNumbers;
    for (const double value : {double(c.width), double(c.height), c.fl_x, c.fl_y, c.cx, c.cy}) *out++ = value;
    for (int i = 0; i < 16; ++i) *out++ = c.vehicle_from_camera(i / 4, i % 4);
    *out = cameras.azimuth_deg[v];
  }
  return numbers;
}

SetCameras cameras_from(const Numbers& numbers) {
  SetCameras cameras;
  for (std::size_t v = 0; v < kSlots; ++v) {
    Camera& c = cameras.camera[v];
    const double* in = numbers.data() + v * kCameraNumbers;
    c.width = static_cast<int>(in[0]);
    c.height = static_cast<int>(in[1]);
    c.fl_x = in[2];
    c.fl_y = in[3];
    c.cx = in[4];
    c.cy = in[5];
    for (int i = 0; i < 16; ++i) c.vehicle_from_camera(i / 4, i % 4) = in[6 + i];
    cameras.azimuth_deg[v] = in[22];
  }
  return cameras;
}

SetCameras stored_estimate(const ViewSet& set, const Slots& references, ContentStore& store) {
  ContentKey content("estimated cameras 4");
  content.add(set.width).add(set.height);
  for (int slot = 0; slot < kSlots; ++slot) {
    content.add(std::bit_cast<std::int64_t>(stated_azimuth(set, slot)));
    content.add(references[static_cast<std::size_t>(slot)] ? 1 : 0);
    if (!references[static_cast<std::size_t>(slot)]) continue;
    const PictureFiles files = read_picture_files(set, *set.frame_at(slot));
    content.add(files.picture).add(files.mask);
  }
  const std::string key = content.hex();
  Numbers numbers{};
  if (const auto kept = store.find(key); kept && kept->size() == sizeof(numbers)) {
    std::memcpy(numbers.data(), kept->data(), sizeof(numbers));
    return cameras_from(numbers);
  }
  const SetCameras cameras = estimated_cameras(set, references);
  numbers = numbers_of(cameras);
  store.keep(key, {reinterpret_cast<const char*>(numbers.data()), sizeof(numbers)});
  return cameras;
}

}  // namespace

SetCameras described_cameras(const ViewSet& set, const Turntable& turntable) {
  SetCameras out;
  for (int slot = 0; slot < kSlots; ++slot) {
    const auto at = static_cast<std::size_t>(slot);
    const Frame* frame = set.frame_at(slot);
    if (frame == nullptr) frame = set.missing_at(slot);
    out.azimuth_deg[at] = frame != nullptr ? frame->azimuth_deg : azimuth_of(slot);
    out.camera[at] = camera_at(set, slot, turntable);
  }
  return out;
}

CameraSource camera_source(const ViewSet& set, const DataConfig& config) {
  return config.cameras == CameraSource::stated && set.cameras_estimated ? CameraSource::estimated : config.cameras;
}

TargetCameras count_target_cameras(const DataSet& data, const DataConfig& config) {
  TargetCameras count;
  switch (config.cameras) {
    case CameraSource::estimated: count.estimated = data.size(); return count;
    case CameraSource::turntable: count.turntable = data.size(); return count;
    case CameraSource::stated: break;
  }
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto set = data.view_set(i);
    if (set->cameras_estimated) {
      ++count.anew;
    } else {
      ++(set->states_cameras() ? count.stated : count.turntable);
    }
  }
  count.estimated = count.anew;
  return count;
}

SetCameras cameras_of(const ViewSet& set, const Slots& references, const DataConfig& config, ContentStore* store) {
  const CameraSource source = camera_source(set, config);
  if (source == CameraSource::stated) return described_cameras(set, config.turntable.turntable);
  if (source == CameraSource::estimated && references.any()) {
    return store != nullptr ? stored_estimate(set, references, *store) : estimated_cameras(set, references);
  }
  return turntable_cameras(set, config.turntable.turntable);
}

std::array<float, 6> stabilisation_cue(const Camera& camera, int slot, const Turntable& canonical) {
  const Direction direction = viewing_direction(camera);
  const double distance = camera.vehicle_from_camera.block<3, 1>(0, 3).norm();
  const double scale = (camera.fl_x / distance) / (canonical.focal * camera.width / canonical.distance);
  const Eigen::Vector2d origin = project(camera, Eigen::Vector3d::Zero());
  const double roll = viewing_roll(camera);
  const double turned = turn_deg(direction.azimuth_deg, azimuth_of(slot));
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
