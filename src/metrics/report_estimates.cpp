// SPDX-License-Identifier: Apache-2.0
#include "metrics/report_estimates.h"

#include <cmath>

#include <fmt/format.h>

#include "metrics/report.h"

namespace spinfill {
namespace {

template <typename ScoreOf>
Estimate estimate_over(const EvaluationReport& report, const ScoreOf& score_of) {
  VehicleSums sums;
  for (const ImageRow& row : report.images) {
    const double score = score_of(row);
    if (!std::isfinite(score)) continue;
    VehicleSum& vehicle = sums[row.id];
    vehicle.sum += score;
    ++vehicle.images;
  }
  return estimate_mean(sums);
}

}  // namespace

Estimate estimate_of(const EvaluationReport& report, std::size_t method, std::size_t metric) {
  return estimate_over(report, [&](const ImageRow& row) { return row.scores.at(method)[metric]; });
}

Estimate difference_from(const EvaluationReport& report, std::size_t baseline, std::size_t metric) {
  return estimate_over(report,
                       [&](const ImageRow& row) { return row.scores.at(0)[metric] - row.scores.at(baseline)[metric]; });
}

std::string interval_text(const Estimate& estimate, std::size_t metric, bool with_sign) {
  if (!estimate.interval) return "–";
  const auto [low, high] = *estimate.interval;
  const int decimals = score_decimals(metric);
  return with_sign ? fmt::format("{:+.{}f} to {:+.{}f}", low, decimals, high, decimals)
                   : fmt::format("{:.{}f} to {:.{}f}", low, decimals, high, decimals);
}

}  // namespace spinfill
