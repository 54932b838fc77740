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

// Masks that fit together badly under an estimate's cameras.
struct CameraDoubt {
  double residual = 0;  // vehicle lengths
  std::string worst;    // the picture whose mask fits worst, by its file_path
};
// Nothing where the masks of `set`, whose cameras they are, fit together.
std::optional<CameraDoubt> doubt_of(const ViewSet& set, const Stabilisation& estimate);
// What to look at; `worst`: what the user calls that picture, `generates`: whether views are made with these cameras.
std::string told_in_words(const CameraDoubt& doubt, const std::string& worst, bool generates);

}  // namespace spinfill
