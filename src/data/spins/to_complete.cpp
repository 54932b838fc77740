// SPDX-License-Identifier: Apache-2.0
#include "data/spins/to_complete.h"

#include <optional>

#include "core/error.h"
#include "core/log.h"
#include "data/sets/view_camera.h"
#include "data/spins/stabilise.h"

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

}  // namespace

ViewSet set_to_complete(const ViewSet& whole, const Slots& references, const Slots& asked, const Turntable& turntable) {
  const bool own = !whole.cameras_estimated && whole.states_cameras();
  ViewSet set = own ? whole : as_photographed(whole);
  set.frames.clear();
  set.missing.clear();
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!is_in(references, slot)) continue;
    set.frames.push_back(*whole.frame_at(slot));
    Frame& frame = set.frames.back();
    if (own) continue;
    frame.azimuth_deg = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
    frame.camera.reset();
  }
  const std::optional<Stabilisation> estimate = own ? std::nullopt : estimate_of(set);
  if (estimate) set = with_cameras(set, *estimate);
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
  set.missing = std::move(missing);
  return with_every_camera(set, turntable);
}

}  // namespace spinfill
