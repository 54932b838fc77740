// SPDX-License-Identifier: Apache-2.0
#include "metrics/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "data/sets/categories.h"
#include "data/sets/slots.h"

namespace spinfill {

EvidenceErrors evidence_of(const EvaluationReport& report) {
  EvidenceErrors all;
  for (const ImageRow& row : report.images)
    if (row.photo && row.photo->evidence) all.add(*row.photo->evidence);
  return all;
}

namespace {

template <class ScoresOf>  // of a row
Summary summary_of(const EvaluationReport& report, const ScoresOf& scores_of) {
  struct Sum {
    std::int64_t images = 0;
    std::array<std::int64_t, kMetrics> counts{};
    Scores sums{};
    void add(const Scores& scores) {
      ++images;
      for (std::size_t k = 0; k < kMetrics; ++k) {
        if (std::isnan(scores[k])) continue;
        ++counts[k];
        sums[k] += scores[k];
      }
    }
    Average average() const {
      Average a{images, counts, {}};
      for (std::size_t k = 0; k < kMetrics; ++k)
        a.mean[k] = counts[k] > 0 ? sums[k] / counts[k] : std::numeric_limits<double>::quiet_NaN();
      return a;
    }
  };
  Sum overall;
  std::map<std::int64_t, Sum> by_missing, by_azimuth;
  std::map<std::string, Sum> by_category, by_case;
  for (const ImageRow& row : report.images) {
    const Scores& scores = scores_of(row);
    overall.add(scores);
    by_missing[row.missing()].add(scores);
    by_azimuth[azimuth_of(row.slot)].add(scores);
    by_category[row.category].add(scores);
    by_case[row.case_name].add(scores);
  }
  const auto numbered = [](const char* name, const std::map<std::int64_t, Sum>& sums) {
    Grouping grouping{name, {}};
    for (const auto& [key, sum] : sums) grouping.groups.emplace_back(std::to_string(key), sum.average());
    return grouping;
  };
  const auto named = [](const char* name, const std::map<std::string, Sum>& sums,
                        const std::vector<std::string>& order) {
    Grouping grouping{name, {}};
    for (const std::string& key : order) {
      if (const auto found = sums.find(key); found != sums.end()) {
        grouping.groups.emplace_back(key, found->second.average());
      }
    }
    return grouping;
  };
  std::vector<std::string> categories = kCategories;  // then others by name, then the unknown
  for (const auto& [name, sum] : by_category) {
    if (name != "unknown" && std::ranges::find(categories, name) == categories.end()) categories.push_back(name);
  }
  categories.push_back("unknown");
  return {overall.average(),
          {numbered("by_missing", by_missing), numbered("by_azimuth", by_azimuth),
           named("by_category", by_category, categories), named("by_case", by_case, kCases)}};
}

}  // namespace

Summary summarise(const EvaluationReport& report, std::size_t method) {
  return summary_of(report, [method](const ImageRow& row) -> const Scores& { return row.scores.at(method); });
}

std::optional<Summary> summarise_oracle(const EvaluationReport& report) {
  const auto has_oracle = [](const ImageRow& row) { return row.oracle.has_value(); };
  if (report.images.empty() || !std::ranges::all_of(report.images, has_oracle)) return std::nullopt;
  return summary_of(report, [](const ImageRow& row) -> const Scores& { return *row.oracle; });
}

}  // namespace spinfill
