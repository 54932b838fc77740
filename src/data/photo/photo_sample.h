// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/batches/samples.h"
#include "data/photo/weighed_references.h"

namespace spinfill {

// A sample at the size of the set's own pictures, as a user would give it: its references alone, and the views that are
// asked for in `missing`, each at the azimuth that was stated for its photograph, with the camera that a user would
// have. Cameras that the set states as its own are kept for the references and turned for the others; else they are
// estimated from the references' masks (the turntable where the masks tell nothing). Neither a picture nor a camera of
// a view that is not a reference reaches it.
struct PhotoSample {
  ViewSet set;            // its references without those that contradict the others; all with their cameras
  SlotPictures pictures;  // of the references
  SlotWeights weights = kEqualWeights;  // of their colours (weigh_references())
  std::int64_t sample = 0;
};
PhotoSample photo_sample(const ViewSet& whole, const SampleSpec& spec, const Turntable& turntable);

}  // namespace spinfill
