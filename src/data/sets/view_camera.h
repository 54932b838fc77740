// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/sets/view_set.h"

namespace spinfill {

// The camera of the view at `slot`, in px of the set's pictures: as stated or predicted; else the nearest stated one
// turned about the vertical axis by the difference of azimuths; else the turntable's.
Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable);

}  // namespace spinfill
