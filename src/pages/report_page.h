// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "metrics/evaluation.h"
#include "pages/gallery.h"

namespace spinfill {

// What is shown of single views beside the scores.
struct ReportPictures {
  std::string chosen_by;  // of the score that ranks them, e.g. "LPIPS"
  std::vector<GalleryView> worst, best;
};

// A report as one page without scripts or anything from outside: what is better than the baseline to beat, the scores
// with their intervals beside all baselines, the worst and the best views, where the model is weak by azimuth and number
// of missing views, category, case and vehicle, and the protocol. Of a report with images.
std::string report_page(const EvaluationReport& report, const ReportPictures& pictures);

}  // namespace spinfill
