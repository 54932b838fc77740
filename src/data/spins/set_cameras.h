// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/files/content_store.h"
#include "data/config.h"
#include "data/sets/data_set.h"

namespace spinfill {

// The cameras of a sample's eight views, in px of the set's pictures.
struct SetCameras {
  std::array<Camera, kSlots> camera;
  std::array<double, kSlots> azimuth_deg{};
};

// Those that the set's description holds, by camera_at().
SetCameras described_cameras(const ViewSet& set, const Turntable& turntable);

// Where the cameras of a set's samples come from: as config.cameras says, but `estimated` for `stated` where the stated
// ones are an earlier estimate (ViewSet::cameras_estimated): the targets' silhouettes are in it.
CameraSource camera_source(const ViewSet& set, const DataConfig& config);
// How many sets' targets have which cameras. Reads each description where config.cameras is `stated`.
struct TargetCameras {
  std::int64_t stated = 0;     // the true ones: those that the set states as its own
  std::int64_t estimated = 0;  // from the references alone
  std::int64_t turntable = 0;  // the canonical one
  std::int64_t anew = 0;       // of `estimated`: sets that state an earlier estimate
};
TargetCameras count_target_cameras(const DataSet& data, const DataConfig& config);

// By camera_source(): `stated`, described_cameras(); `turntable`, the canonical one of config.turntable at the azimuths
// that were first stated; or `estimated`, from the masks of `references` (slots on disk) and those azimuths alone (the
// turntable where there are none). No other picture influences them. A store keeps the estimates.
SetCameras cameras_of(const ViewSet& set, const Slots& references, const DataConfig& config,
                      ContentStore* store = nullptr);

// The stabilisation cue of a view, Batch::kCueSize numbers: how its picture departs from the canonical turntable's
// (log-scale, shift of the vehicle's origin right and down in shares of the width, roll, azimuth minus its slot's;
// radians) and the elevation in radians.
std::array<float, 6> stabilisation_cue(const Camera& camera, int slot, const Turntable& canonical);

}  // namespace spinfill
