// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/files.h"
#include "data/spins/photo_inspection.h"

namespace spinfill {

// One HTML file that needs nothing else: both spins turn together (play, slider, drag, arrow keys; `#view=135` opens
// still at 135°), the overlay, a table of all corrections. Nothing moves by itself for those who asked for less motion.
std::string photo_inspection_page(const PhotoInspection& inspection);

// overlay.png and index.html.
void write_photo_inspection(const PhotoInspection& inspection, const fs::path& folder);

}  // namespace spinfill
