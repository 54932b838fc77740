// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_sample.h"

#include <optional>

#include "core/error.h"
#include "core/log.h"
#include "data/sets/view_camera.h"

namespace spinfill {
namespace {

std::optional<Stabilisation> estimate_of(const ViewSet& set) {
  try {
    return stabilise_set(set);
  } catch (const Error& error) {
    log_warning("{}; the canonical turntable is used instead", error.what());
    return std::nullopt;
  }
}

bool is_in(const Slots& slots, int slot) {
  return slots[static_cast<std::size_t>(slot)];
}

// The references alone. Unless they are its own, without cameras and at the azimuths that were stated.
ViewSet references_of(const ViewSet& whole, const Slots& references, bool own_cameras) {
  ViewSet set = own_cameras ? whole : as_photographed(whole);
  set.frames.clear();
  set.missing.clear();
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!is_in(references, slot)) continue;
    set.frames.push_back(*whole.frame_at(slot));
    Frame& frame = set.frames.back();
    if (own_cameras) continue;
    frame.azimuth_deg = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
    frame.camera.reset();
  }
  return set;
}

std::vector<Frame> asked_of(const ViewSet& whole, const Slots& asked, const std::optional<Stabilisation>& estimate) {
  std::vector<Frame> missing;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!is_in(asked, slot)) continue;
    Frame frame;
    frame.azimuth_deg = azimuth_of(slot);
    if (const Frame* photographed = whole.frame_at(slot))
      frame.azimuth_deg = photographed->stated_azimuth_deg.value_or(photographed->azimuth_deg);
    if (estimate) frame.camera = estimate->predict(frame.azimuth_deg).camera;
    missing.push_back(std::move(frame));
  }
  return missing;
}

}  // namespace

PhotoSample photo_sample(const ViewSet& whole, const SampleSpec& spec, const Turntable& turntable) {
  PhotoSample out;
  out.sample = spec.sample;
  const bool own_cameras = !whole.cameras_estimated && whole.states_cameras();
  ViewSet set = references_of(whole, spec.references, own_cameras);
  for (const Frame& frame : set.frames)
    out.pictures[static_cast<std::size_t>(frame.slot())] = read_cut_out_picture(set, frame);
  std::optional<Stabilisation> estimate = own_cameras ? std::nullopt : estimate_of(set);
  if (estimate) set = with_cameras(set, *estimate);
  WeighedReferences weighed = weigh_references(std::move(set), std::move(estimate), out.pictures);
  out.weights = weights_of(weighed.set, weighed.odd);
  weighed.set.missing = asked_of(whole, spec.targets, weighed.estimate);
  out.set = without_contradicting(with_every_camera(weighed.set, turntable), weighed.odd);
  return out;
}

}  // namespace spinfill
