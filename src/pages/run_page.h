// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "run/run_summary.h"

namespace spinfill {

// Pages that hold all they show, nothing loaded from elsewhere: curves as inline SVG, sample grids embedded.

// What such a page says of itself (core/files/output_file.h).
inline constexpr const char* kRunPageMark = "<meta name=\"generator\" content=\"spinfill inspect --html\">";

// Curves, checkpoints, the last sample grids and the config.
std::string run_html(const RunSummary& run);

// Several runs: the results of each, the settings in which they differ, each curve of all on common axes, and the last
// sample grid of each one above the other. At least two runs.
std::string runs_html(const std::vector<RunSummary>& runs);

}  // namespace spinfill
