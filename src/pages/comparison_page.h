// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "metrics/comparison.h"
#include "pages/compared_views.h"

namespace spinfill {

// By it a file is known as one of these.
inline constexpr const char* kComparisonPageMark = "content=\"spinfill compare --html\"";

// Which vehicles and views got worse or better, as one page without scripts or anything from outside: what got worst,
// with pictures where both reports keep their predictions, the verdicts, the difference by azimuth and number of
// missing views and by category in colour, the vehicles and views that got worst, every view's old and new score as a
// point, and what improved most.
std::string comparison_page(const Comparison& comparison, const ReportFolders& folders = {});

}  // namespace spinfill
