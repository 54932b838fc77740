// SPDX-License-Identifier: Apache-2.0
#include "pages/evidence_chart.h"

#include <cmath>

#include "metrics/report.h"
#include "metrics/summary.h"
#include "pages/svg_chart.h"

namespace spinfill {
namespace {

constexpr double kLeastPixels = 100;  // of a point: fewer say nothing

using Bins = std::array<EvidenceErrors::Sum, EvidenceErrors::kBins>;

std::vector<std::pair<double, double>> points_of(const Bins& bins) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t b = 0; b < bins.size(); ++b) {
    if (bins[b].pixels < kLeastPixels) continue;
    points.emplace_back(100 * (static_cast<double>(b) + 0.5) / static_cast<double>(bins.size()),
                        std::sqrt(bins[b].mean()));
  }
  return points;
}

}  // namespace

std::string evidence_curves(const EvaluationReport& report) {
  const EvidenceErrors all = evidence_of(report);
  std::vector<ChartLine> lines;
  for (const auto& [name, bins] : {std::pair{"invented", &all.by_invented}, std::pair{"mirrored", &all.by_mirrored}}) {
    const auto points = points_of(*bins);
    if (!points.empty()) lines.push_back({name, points, lines.size()});
  }
  // A single line has no legend that names it.
  const std::string title = "RMS error by % of a pixel that is" + (lines.size() == 1 ? " " + lines[0].name : "");
  return svg_chart(title, lines, true, "per cent");
}

std::string evidence_chart(const EvaluationReport& report) {
  return svg_file(evidence_curves(report));
}

}  // namespace spinfill
