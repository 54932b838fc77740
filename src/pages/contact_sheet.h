// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "pages/spin_frame.h"

namespace spinfill {

// All frames in rows of four on a plain background, each with its azimuth and "given" or "generated" below it.
// cell_width in px; 8-bit RGB. Errors as by_azimuth's.
cv::Mat contact_sheet(const std::vector<SpinFrame>& frames, int cell_width = 480);

}  // namespace spinfill
