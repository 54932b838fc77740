// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "metrics/evaluation.h"
#include "pages/extreme_views.h"

namespace spinfill {

// A report as one page without scripts or anything from outside: what is better than the baseline to beat, the scores
// with their intervals beside all baselines, the worst and the best views, where the model is weak by azimuth and
// number of missing views, category, case and vehicle, and the protocol. Of a report with images.
std::string report_page(const EvaluationReport& report, const ReportPictures& pictures);

}  // namespace spinfill
