// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/batches/samples.h"
#include "data/sets/set_pictures.h"

namespace spinfill {

// A sample at the size of the set's own pictures, as a user would give it (data/spins/to_complete.h).
struct PhotoSample {
  ViewSet set;            // its references with their cameras; what is asked for in `missing`, with its cameras
  SlotPictures pictures;  // of the references
  std::int64_t sample = 0;
};
PhotoSample photo_sample(const ViewSet& whole, const SampleSpec& spec, const Turntable& turntable);

}  // namespace spinfill
