// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "geometry/spin/fit.h"

namespace spinfill {

// A fit of a spin without the views that are wrong.
struct CheckedFit {
  SpinFit fit;
  bool hand_held = false;                    // which spread explains the views better; false: a studio's
  double miss = 0;                           // mean over the views that take part
  std::vector<std::string> notes, warnings;  // which views were left out, and why
};

// Fits with a studio's spread and with that of photographs taken by hand, and keeps the better fit. Where all views are
// trusted, one that contradicts all others loses its trust. So do, of four views or more, up to a quarter whose masks
// fit the others only once they are turned by more than 15° from their stated azimuths and from what the others let
// expect: no azimuth is that far off by chance. `names`: what a message calls each view.
CheckedFit checked_fit(std::vector<SpinView>& views, const std::vector<std::string>& names);

}  // namespace spinfill
