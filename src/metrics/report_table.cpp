// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "metrics/report_estimates.h"
#include "metrics/report_sets.h"
#include "metrics/summary.h"
#include "metrics/view_samples.h"

namespace spinfill {
namespace {

std::vector<std::string> method_names(const EvaluationReport& report) {
  std::vector<std::string> names = {"model"};
  for (std::size_t i = 1; i < method_count(report); ++i) names.push_back(kBaselines.at(i - 1));
  if (summarise_oracle(report)) names.push_back("oracle");
  return names;
}

}  // namespace

std::string aligned_table(std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) cell = escaped(cell);  // names come from files
  }
  // UTF-8: continuation bytes take no column.
  const auto columns_of = [](const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - columns_of(row[c]), ' ');
      if (c == 0) line += row[c] + padding;
      if (c > 0) line += "  " + padding + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

int score_decimals(std::size_t metric) {
  switch (plain_metric(metric)) {
    case 0:
    case 1:
    case kGradientPsnr:
    case kDetailPsnr:
    case kBoundary:
    case kNormalError:
    case kNormalErrorMedian: return 2;
    case kL2: return 5;
    default: return 4;
  }
}

std::string score_text(std::size_t metric, double value) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, score_decimals(metric)) : "–";
}

namespace {

// "96×64 px", or what was scored of photographs.
std::string size_text(const EvaluationReport& report) {
  const Protocol& p = report.protocol;
  if (p.at == ScoredAt::model) return fmt::format("{}×{} px", p.width, p.height);
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  double share = 0;
  for (const ImageRow& row : report.images) {
    least = std::min(least, row.photo->crop_width);
    most = std::max(most, row.photo->crop_width);
    share += row.photo->vehicle_share;
  }
  return fmt::format(
      "photographs at their own size and azimuth, on the vehicle's box of {} to {} px width; the vehicle "
      "covers {:.0f} % of a photograph",
      least, most, 100 * share / static_cast<double>(report.images.size()));
}

}  // namespace

std::string report_head(const EvaluationReport& report) {
  const Protocol& p = report.protocol;
  std::string head =
      fmt::format("{}, {}: {} vehicles, {} reference subsets, {} target views of {}{}\n", escaped(p.data),
                  p.split == kNoSplits ? p.split : "split " + escaped(p.split), p.vehicles, p.subset_count, p.images,
                  size_text(report), p.cameras.empty() ? "" : "; " + escaped(p.cameras));
  head += fmt::format(
      "background {:.3g} {:.3g} {:.3g}, {}, per image, then averaged; foreground = weighted by the "
      "truth's alpha\n",
      p.background[0], p.background[1], p.background[2], p.round_to_8_bits ? "rounded to 8 bits" : "not rounded");
  if (!p.conditions.empty()) head += p.conditions + "\n";
  if (!p.sampler.empty()) head += fmt::format("sampler {}, {} steps\n", p.sampler, p.steps);
  if (!p.ssim_absent.empty()) head += fmt::format("SSIM absent: {}\n", p.ssim_absent);
  if (p.lpips_net.empty()) {
    head += fmt::format("LPIPS absent: {}\n", escaped(p.lpips_absent));
  } else {
    head += fmt::format("LPIPS v0.1, net {}, weights {}{}\n", p.lpips_net, p.lpips_sha256.substr(0, 12),
                        report.model.contains("lpips_in_loss") ? " (LPIPS was a part of this model's loss)" : "");
  }

  if (!p.dists_sha256.empty()) head += fmt::format("DISTS, weights {}\n", p.dists_sha256.substr(0, 12));
  if (!p.st_lpips_net.empty())
    head += p.st_lpips_absent.empty() ? fmt::format("ST-LPIPS, net {}, weights {}\n", p.st_lpips_net.substr(3),
                                                    p.st_lpips_sha256.substr(0, 12))
                                      : fmt::format("ST-LPIPS absent: {}\n", escaped(p.st_lpips_absent));
  if (!p.identity.is_null())
    head += fmt::format("identity by {}, {}\n", escaped(p.identity.value("file", "?")),
                        p.identity.value("sha256", "?").substr(0, 12));

  if (const Json evidence = evidence_to_json(evidence_of(report)); !evidence.is_null()) {
    std::vector<std::string> parts;
    for (const char* name : kEvidenceNames) {
      const Json& part = evidence[name];
      parts.push_back(
          fmt::format("{} {:.1f} %{}", name, 100 * part["share"].get<double>(),
                      part["psnr"].is_null() ? "" : fmt::format(" at {:.2f} dB", part["psnr"].get<double>())));
    }
    head += fmt::format("pixels of the model's pictures: {}\n", fmt::join(parts, ", "));
  }
  if (const Json photographs = consistency_of_photographs(report); !photographs.is_null())
    head += fmt::format("geometric consistency of the photographs themselves: {:.4f} (of {} views)\n",
                        photographs["mean"].get<double>(), photographs["images"].get<std::int64_t>());
  return head;
}

std::string report_table(const EvaluationReport& report) {
  if (report.images.empty()) return "no target view was scored\n";
  const Protocol& p = report.protocol;
  std::vector<Summary> summaries;
  for (std::size_t i = 0; i < method_count(report); ++i) summaries.push_back(summarise(report, i));
  if (auto oracle = summarise_oracle(report)) summaries.push_back(std::move(*oracle));
  std::vector<std::vector<std::string>> rows = {{""}};
  for (const std::string& name : method_names(report)) rows[0].push_back(name);
  const std::size_t methods = method_count(report);
  rows[0].push_back("model, 95 %");
  if (methods > 1) rows[0].push_back("model − " + kBaselines.at(methods - 2));
  const auto add = [&](const std::string& title, const auto& average_of) {
    rows.push_back({fmt::format("{} ({})", title, average_of(summaries[0]).images)});
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (!measured_at(p.at, k) || (needs_lpips(k) && p.lpips_net.empty())) continue;
      if (is_of_normals(k) && !p.normals) continue;
      if ((is_identity(k) && p.identity.is_null()) || (k == kDists && p.dists_sha256.empty()) ||
          (k == kStLpips && (p.st_lpips_net.empty() || !p.st_lpips_absent.empty())))
        continue;
      if (!is_head(k) && plain_metric(k) < kPictureMetrics && title != "overall") continue;
      rows.push_back({std::string("  ") + kMetricLabels[k]});
      for (const Summary& summary : summaries) rows.back().push_back(score_text(k, average_of(summary).mean[k]));
      if (title != "overall") continue;
      rows.back().push_back(interval_text(estimate_of(report, 0, k), k, /*with_sign=*/false));
      if (methods > 1) rows.back().push_back(interval_text(difference_from(report, methods - 1, k), k, true));
    }
  };
  add("overall", [](const Summary& s) -> const Average& { return s.overall; });
  for (std::size_t g = 0; g < summaries[0].groupings.size(); ++g) {
    const Grouping& grouping = summaries[0].groupings[g];
    const bool missing = grouping.name == "by_missing";
    const bool categories = grouping.name == "by_category" && grouping.groups.size() > 1;
    if (!missing && !categories && grouping.name != "by_case") continue;
    for (std::size_t i = 0; i < grouping.groups.size(); ++i) {
      const std::string& name = grouping.groups[i].first;
      add(missing ? name + " missing" : name,
          [g, i](const Summary& s) -> const Average& { return s.groupings[g].groups[i].second; });
    }
  }
  const std::string samples = view_samples_table(report);
  const std::string sets = report_sets_table(report);
  return report_head(report) + "\n" + aligned_table(rows) + (samples.empty() ? "" : "\n" + samples) +
         (sets.empty() ? "" : "\n" + sets);
}

}  // namespace spinfill
