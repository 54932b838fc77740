// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_frame.h"

#include <algorithm>

#include "core/error.h"

namespace spinfill {

std::vector<const SpinFrame*> by_azimuth(const std::vector<SpinFrame>& frames) {
  if (frames.empty()) fail("spin page: no frames");
  std::vector<const SpinFrame*> out;
  for (const SpinFrame& frame : frames) {
    if (frame.picture.type() != CV_8UC4 || frame.picture.size() != frames[0].picture.size() || frame.picture.empty()) {
      fail("spin page: the picture at {}° is {}×{}, the first {}×{}; all must be 8-bit RGBA of one size",
           frame.azimuth_deg, frame.picture.cols, frame.picture.rows, frames[0].picture.cols, frames[0].picture.rows);
    }
    out.push_back(&frame);
  }
  std::ranges::stable_sort(out, {}, &SpinFrame::azimuth_deg);
  return out;
}

}  // namespace spinfill
