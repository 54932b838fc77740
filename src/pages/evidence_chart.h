// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "metrics/evaluation.h"

namespace spinfill {

// Root mean squared error of pixels against the share of them that is invented, or mirrored, over all pictures of a
// report at the photographs' size: an SVG element, and the same as a file. Empty where the report has no evidence.
std::string evidence_curves(const EvaluationReport& report);
std::string evidence_chart(const EvaluationReport& report);

}  // namespace spinfill
