// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/files/content_store.h"
#include "data/config.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The cameras of a sample's eight views, in px of the set's pictures.
struct SetCameras {
  std::array<Camera, kSlots> camera;
  std::array<double, kSlots> azimuth_deg{};
};

// As config.cameras says: `stated`, those of transforms.json (camera_at), `turntable`, the canonical one of
// config.turntable, or `estimated`, from the masks of `references` (slots on disk) and the stated azimuths alone, so
// that no other picture influences them; a store keeps the estimates.
SetCameras cameras_of(const ViewSet& set, const Slots& references, const DataConfig& config,
                      ContentStore* store = nullptr);

// The stabilisation cue of a view, Batch::kCueSize numbers: how its picture departs from the canonical turntable's
// (log-scale, shift of the vehicle's origin right and down in shares of the width, roll, azimuth minus its slot's;
// radians) and the elevation in radians.
std::array<float, 6> stabilisation_cue(const Camera& camera, int slot, const Turntable& canonical);

}  // namespace spinfill
