// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pages/spin_frame.h"

namespace spinfill {

struct SpinPage {
  std::string title;              // plain text
  std::vector<SpinFrame> frames;  // shown in the order of their azimuths
  int width = 0;                  // px, of the embedded files; 0: of SpinFrame::picture
};

// A turntable in one HTML file that needs nothing else, no network included: drag, touch, wheel, arrow keys, auto-spin,
// zoom (double-click, pinch, + and −), labels on generated views, and where their pixels are from (seen, mirrored,
// invented). `spin.html#view=135` opens at the view nearest to 135°, `#spin` turns, `#embed` shows the views alone, for
// another page's frame. Errors as by_azimuth's.
std::string spin_page(const SpinPage& page);

}  // namespace spinfill
