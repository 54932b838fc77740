// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/sets/view_set.h"

namespace spinfill {

// The nearest stated camera turned about the vertical axis to an azimuth, in px of the set's pictures; where none is
// stated the turntable's.
Camera camera_towards(const ViewSet& set, double azimuth_deg, const Turntable& turntable);

// Between the two views (further ones, too) with stated cameras that are next to an azimuth on either side: both turned
// there about the vertical axis, and between them (position, direction and lens) as the azimuth lies. So neighbouring
// azimuths have neighbouring cameras, and a stated view's own azimuth has its own. Where one or none is stated,
// camera_towards().
Camera camera_between(const ViewSet& set, double azimuth_deg, const Turntable& turntable);

// The camera of the view at `slot`, in px of the set's pictures: as stated or predicted; else camera_towards() its
// azimuth.
Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable);

// The set with camera_at() for each of its frames, further ones and those in `missing`.
ViewSet with_every_camera(const ViewSet& set, const Turntable& turntable);

}  // namespace spinfill
