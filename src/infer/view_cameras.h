// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/config.h"
#include "data/spins/stabilise.h"

namespace spinfill {

// Where the cameras of a set that is to be completed come from (data/config.h). No value means automatic: stated where
// the set states cameras of its own, else estimated from the given views' masks.
using CameraChoice = std::optional<CameraSource>;
CameraChoice parse_camera_choice(const std::string& name);  // auto, stated, estimated, turntable; else exit 2

struct ViewCameras {
  ViewSet set;          // with these cameras, those of missing views too
  CameraSource source;  // where automatic: what was chosen
  std::optional<Stabilisation> estimate;
};
// Leaves the views at `hidden` azimuths (multiples of 45) out of the set before anything looks at them: they take no
// part in an estimate, nor do cameras that an earlier estimate made with their help. One line on stderr tells how an
// estimate went, one more what is doubtful. `known`, unless null, is the estimate of all of the set's pictures: it is
// taken where none of them is hidden. Where automatic finds no estimate it takes the turntable and says why.
ViewCameras choose_cameras(const ViewSet& set, CameraChoice choice, const std::vector<std::int64_t>& hidden,
                           const Stabilisation* known = nullptr);

// Why what is generated with an estimate's cameras should be looked at before it is used; nothing where the masks of
// `set`, whose cameras they are, fit together.
std::optional<std::string> why_doubted(const ViewSet& set, const Stabilisation& estimate);

}  // namespace spinfill
