// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/sets/view_set.h"

namespace spinfill {

// A photographed set as it would be given to be completed: its references alone, and the views that are asked for in
// `missing`, each at the azimuth that was stated for its photograph, with the camera that a user would have. Cameras
// that the set states as its own are kept for the references and turned for the others; else they are estimated from
// the references' masks (the turntable where the masks tell nothing). Neither a picture nor a camera of a view that is
// not a reference reaches the result.
ViewSet set_to_complete(const ViewSet& whole, const Slots& references, const Slots& asked, const Turntable& turntable);

}  // namespace spinfill
