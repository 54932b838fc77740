// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/evaluation.h"

namespace spinfill {

// Mean of per-image scores in float64, added in the order of the sorted images.
struct Average {
  std::int64_t images = 0;
  std::array<std::int64_t, kMetrics> counts{};  // images that have the score
  Scores mean{};                                // NaN where no image has it
};
struct Grouping {
  std::string name;  // "by_missing", "by_azimuth", "by_category", "by_case"
  std::vector<std::pair<std::string, Average>> groups;
};
struct Summary {
  Average overall;
  std::vector<Grouping> groupings;
};
// method 0 is the model, 1 + i is kBaselines[i].
Summary summarise(const EvaluationReport& report, std::size_t method = 0);
// Of ImageRow::oracle; nothing where a model has none.
std::optional<Summary> summarise_oracle(const EvaluationReport& report);
// Of all images that tell; no pixels where none does.
EvidenceErrors evidence_of(const EvaluationReport& report);

}  // namespace spinfill
