// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "metrics/evaluation.h"

namespace spinfill {

// An SVG file: root mean squared error of pixels against the share of them that is invented, or mirrored, over all
// pictures of a report at the photographs' size. Empty where the report has no evidence.
std::string evidence_chart(const EvaluationReport& report);

}  // namespace spinfill
