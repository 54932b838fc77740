// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_sample.h"

#include "data/spins/to_complete.h"

namespace spinfill {

PhotoSample photo_sample(const ViewSet& whole, const SampleSpec& spec, const Turntable& turntable) {
  PhotoSample out;
  out.set = set_to_complete(whole, spec.references, spec.targets, turntable);
  out.sample = spec.sample;
  for (const Frame& frame : out.set.frames)
    out.pictures[static_cast<std::size_t>(frame.slot())] = read_cut_out_picture(out.set, frame);
  return out;
}

}  // namespace spinfill
