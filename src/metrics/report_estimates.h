// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/estimates.h"
#include "metrics/evaluation.h"

namespace spinfill {

// One metric of all of a report's images; method 0 is the model, 1 + i is kBaselines[i].
Estimate estimate_of(const EvaluationReport& report, std::size_t method, std::size_t metric);
// How much the model's score lies above a baseline's, of the same images (below 0 is better where lower is).
Estimate difference_from(const EvaluationReport& report, std::size_t baseline, std::size_t metric);

// "+0.21 to +0.64", or "–" where there is no interval.
std::string interval_text(const Estimate& estimate, std::size_t metric, bool with_sign);

}  // namespace spinfill
