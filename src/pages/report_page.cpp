// SPDX-License-Identifier: Apache-2.0
#include "pages/report_page.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/ranges.h>

#include "metrics/predictions.h"
#include "metrics/report.h"
#include "metrics/report_estimates.h"
#include "metrics/summary.h"
#include "pages/evidence_chart.h"
#include "pages/html.h"
#include "pages/score_tables.h"
#include "pages/shown_pictures.h"
#include "pages/template.h"

namespace spinfill {
namespace {

constexpr std::size_t kLines = 20;  // of a table

// The baseline to beat is the last one; none where the model was scored alone.
std::optional<std::size_t> to_beat(const EvaluationReport& report) {
  const std::size_t methods = method_count(report);
  return methods > 1 ? std::optional(methods - 1) : std::nullopt;
}

// Those of a table's head that the report has.
std::vector<std::size_t> told_metrics(const EvaluationReport& report, std::initializer_list<std::size_t> wanted) {
  const Average overall = summarise(report).overall;
  std::vector<std::size_t> out;
  for (const std::size_t k : wanted)
    if (overall.counts[k] > 0) out.push_back(k);
  return out;
}

double worsening(std::size_t metric, double difference) {
  return higher_is_better(metric) ? -difference : difference;
}

std::string signed_score(std::size_t metric, double difference) {
  return fmt::format("{:+.{}f}", difference, score_decimals(metric));
}

const char* judged(std::size_t metric, const Estimate& difference) {
  if (!difference.excludes_zero()) return "undecided";
  return worsening(metric, difference.mean) < 0 ? "better" : "worse";
}

// "Better than mirror-or-prior in PSNR (+2.52, 95 % +2.21 to +2.83)", and a line each for worse and undecided.
std::string verdict(const EvaluationReport& report) {
  const auto baseline = to_beat(report);
  if (!baseline) return {};
  std::map<std::string, std::vector<std::string>> by_verdict;
  for (const std::size_t k : told_metrics(report, {0, 2, kLpips, kSilhouetteIou})) {
    const Estimate difference = difference_from(report, *baseline, k);
    by_verdict[judged(k, difference)].push_back(fmt::format(
        "{} ({}, 95 % {})", kMetricLabels[k], signed_score(k, difference.mean), interval_text(difference, k, true)));
  }
  const std::string& name = kBaselines[*baseline - 1];
  std::string out = fmt::format("<p class=\"verdict{}\">", by_verdict.contains("worse")    ? " bad"
                                                           : by_verdict.contains("better") ? ""
                                                                                           : " open");
  const auto line = [&](const char* key, const std::string& words) {
    if (by_verdict.contains(key)) out += fmt::format("{} {}<br>", words, fmt::join(by_verdict[key], ", "));
  };
  line("better", fmt::format("Better than the baseline {} in", name));
  line("worse", fmt::format("Worse than the baseline {} in", name));
  line("undecided", fmt::format("Not told apart from the baseline {} in", name));
  return out + "</p>\n";
}

std::string with_interval(const Estimate& estimate, std::size_t metric) {
  return fmt::format("{}<small>{}</small>", score_text(metric, estimate.mean),
                     interval_text(estimate, metric, /*with_sign=*/false));
}

std::string headline_table(const EvaluationReport& report) {
  const auto baseline = to_beat(report);
  std::string head = "<th></th><th>model</th>", rows;
  for (std::size_t m = 1; m < method_count(report); ++m) head += fmt::format("<th>{}</th>", kBaselines[m - 1]);
  const auto oracle = summarise_oracle(report);
  if (oracle) head += "<th>oracle</th>";
  if (baseline) head += fmt::format("<th>model − {}</th><th></th>", kBaselines[*baseline - 1]);
  const Average overall = summarise(report).overall;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (overall.counts[k] == 0) continue;
    rows += fmt::format("<tr><td>{}</td>", kMetricLabels[k]);
    for (std::size_t m = 0; m < method_count(report); ++m) {
      const std::string cell = with_interval(estimate_of(report, m, k), k);
      rows += "<td>" + (m == 0 ? "<b>" + cell + "</b>" : cell) + "</td>";
    }
    if (oracle) rows += fmt::format("<td>{}</td>", score_text(k, oracle->overall.mean[k]));
    if (baseline) {
      const Estimate difference = difference_from(report, *baseline, k);
      const std::string told = judged(k, difference);
      rows += fmt::format("<td>{}<small>{}</small></td><td class=\"{}\">{}</td>", signed_score(k, difference.mean),
                          interval_text(difference, k, true),
                          told == "better"  ? "good"
                          : told == "worse" ? "bad"
                                            : "",
                          told);
    }
    rows += "</tr>\n";
  }
  return "<h2>Scores, with 95 % intervals over vehicles</h2>\n" + wide_table("", head, rows);
}

std::string sets_table(const EvaluationReport& report) {
  if (report.sets.empty()) return {};
  std::string head = "<th></th>", fid = "<tr><td>FID</td>", kid = "<tr><td>KID</td>";
  for (std::size_t m = 0; m < report.sets.size(); ++m) {
    const SetDistances& d = report.sets[m];
    head += fmt::format("<th>{}</th>", m == 0 ? "model" : kBaselines[m - 1]);
    fid += fmt::format("<td>{:.4f}</td>", d.fid);
    kid += fmt::format("<td>{}{}</td>", kid_text(d),
                       d.kid_interval ? fmt::format("<small>{}</small>", kid_interval_text(d)) : "");
  }
  const SetDistances& d = report.sets.front();
  return fmt::format("<h2>As sets</h2>\n<p>All {} pictures from all truths, by embeddings of {} values.{}</p>\n{}",
                     d.images, d.dimensions,
                     d.images < kFewForFid ? " FID is too large by much with so few: look at KID." : "",
                     wide_table("", head, fid + "</tr>\n" + kid + "</tr>\n"));
}

// Where scores are low, and where the baseline to beat is better.
std::string heat_maps(const EvaluationReport& report) {
  const auto baseline = to_beat(report);
  std::string out = "<h2>By azimuth and number of missing views</h2>\n<p>The darker, the weaker";
  if (baseline) out += fmt::format("; red is worse than {}, blue better", kBaselines[*baseline - 1]);
  out += "</p>\n<div class=\"maps\">\n";
  for (const std::size_t k : told_metrics(report, {0, kLpips})) {
    AzimuthMap scores, changes;
    for (const ImageRow& row : report.images) {
      const double own = row.scores.front()[k];
      if (!std::isfinite(own)) continue;
      scores.add(row.missing(), azimuth_of(row.slot), own);
      if (!baseline || !std::isfinite(row.scores[*baseline][k])) continue;
      changes.add(row.missing(), azimuth_of(row.slot), own - row.scores[*baseline][k]);
    }
    const auto [low, high] = scores.range();
    const double span = std::max(high - low, 1e-12), best = higher_is_better(k) ? high : low;
    out += scores.html(kMetricLabels[k],
                       [&](double mean) { return score_cell(std::abs(mean - best) / span, score_text(k, mean)); });
    if (!baseline) continue;
    const auto [least, most] = changes.range();
    const double strongest = std::max(std::abs(least), std::abs(most));
    out += changes.html(fmt::format("{}, model − {}", kMetricLabels[k], kBaselines[*baseline - 1]),
                        [&](double mean) { return change_cell(worsening(k, mean), strongest, signed_score(k, mean)); });
  }
  return out + "</div>\n";
}

// Means of some metrics, of the model and of its difference from the baseline to beat.
struct NamedScores {
  std::string name;
  std::vector<Mean> scores, changes;
};

template <typename NameOf>
std::vector<NamedScores> scores_by(const EvaluationReport& report, const std::vector<std::size_t>& metrics,
                                   const NameOf& name_of) {
  const auto baseline = to_beat(report);
  std::map<std::string, NamedScores> found;
  for (const ImageRow& row : report.images) {
    NamedScores& group = found[name_of(row)];
    group.scores.resize(metrics.size());
    group.changes.resize(metrics.size());
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      const double own = row.scores.front()[metrics[m]];
      if (!std::isfinite(own)) continue;
      group.scores[m].add(own);
      if (baseline && std::isfinite(row.scores[*baseline][metrics[m]]))
        group.changes[m].add(own - row.scores[*baseline][metrics[m]]);
    }
  }
  std::vector<NamedScores> out;
  for (auto& [name, group] : found) {
    if (group.scores.front().count == 0) continue;
    group.name = name;
    out.push_back(std::move(group));
  }
  std::ranges::stable_sort(out, {}, [](const NamedScores& group) { return group.scores.front().mean(); });
  return out;
}

// Each score with its difference from the baseline, which colours it.
std::string scores_table(const std::vector<NamedScores>& groups, const std::vector<std::size_t>& metrics,
                         const char* title) {
  std::vector<ChangeRow> rows;
  for (const NamedScores& group : groups) {
    rows.push_back({group.name, group.scores.front().count, std::vector<ChangeRow::Cell>(metrics.size())});
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      if (group.scores[m].count == 0) continue;
      ChangeRow::Cell& cell = rows.back().cells[m];
      cell.html = score_text(metrics[m], group.scores[m].mean());
      if (group.changes[m].count == 0) continue;
      const double change = group.changes[m].mean();
      cell.html += fmt::format("<small>{}</small>", signed_score(metrics[m], change));
      cell.worse = worsening(metrics[m], change);
    }
  }
  return change_table(title, metrics, rows, kLines);
}

// A line for each of the lines in plain text.
std::string paragraph_of(const std::string& text) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) out += (out.empty() ? "" : "<br>\n") + html_escaped(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return "<p>" + out + "</p>\n";
}

// What the scores are of, whole.
std::string provenance(const EvaluationReport& report) {
  Json told = {{"model", report.model}};
  if (const std::string hash = predictions_sha256(report.images); !hash.empty()) told["predictions_sha256"] = hash;
  told["protocol"] = protocol_to_json(report.protocol);
  return fmt::format(
      "<details><summary>Model and protocol</summary>\n<div class=\"wide\"><pre>{}</pre></div></details>\n",
      html_escaped(told.dump(1, ' ', false, Json::error_handler_t::replace)));
}

std::string model_name(const EvaluationReport& report) {
  const auto text = [&](const char* key) {
    const Json value = report.model.is_object() ? report.model.value(key, Json()) : Json();
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  if (text("name").empty()) return "a model";
  return (text("source") == "baseline" ? "the baseline " : "") + text("name");
}

}  // namespace

std::string report_page(const EvaluationReport& report, const ReportPictures& pictures) {
  const std::vector<std::size_t> metrics = told_metrics(report, {0, 1, 2, kLpips, kSilhouetteIou});
  std::string body = verdict(report) + paragraph_of(report_head(report)) + headline_table(report) + sets_table(report);
  const std::string note = fmt::format(
      "Each vehicle and azimuth once, by {}. {} {}Last the baseline that does best there.", pictures.chosen_by,
      error_note(),
      report.protocol.at == ScoredAt::photo ? "Green pixels were seen, blue ones mirrored, orange ones invented. "
                                            : "");
  body += gallery("Worst views", note, pictures.worst);
  body += heat_maps(report);
  const auto by = [&](const char* title, const auto& name_of) {
    return scores_table(scores_by(report, metrics, name_of), metrics, title);
  };
  body += by("By category", [](const ImageRow& row) { return row.category; });
  body += by("By case", [](const ImageRow& row) { return row.case_name; });
  body += by("Vehicles, the weakest first", [](const ImageRow& row) { return row.id; });
  if (const std::string curves = evidence_curves(report); !curves.empty())
    body += "<h2>Where pixels are from</h2>\n<div class=\"curves\">\n" + curves + "</div>\n";
  body += gallery("Best views", note, pictures.best) + provenance(report);
  return filled_template("page.html", {{"GENERATOR", "spinfill evaluate"},
                                       {"TITLE", html_escaped("Scores of " + model_name(report))},
                                       {"BODY", std::move(body)}});
}

}  // namespace spinfill
