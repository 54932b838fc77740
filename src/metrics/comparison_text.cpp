// SPDX-License-Identifier: Apache-2.0
#include "metrics/comparison_text.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/text.h"
#include "metrics/report.h"
#include "metrics/report_estimates.h"

namespace spinfill {
namespace {

using Rows = std::vector<std::vector<std::string>>;

double difference_of(const Effect& effect) {
  return effect.difference.vehicles > 0 ? effect.difference.mean : *effect.after - *effect.before;
}

Rows verdict_rows(const Comparison& comparison) {
  const ComparedGroup& overall = comparison.groups.front();
  Rows rows = {{"overall", "old", "new", "difference", "95 % interval", "limit", "verdict"}};
  for (const std::size_t k : comparison.shown) {
    const Effect& effect = overall.effects[k];
    if (!effect.before || !effect.after) continue;
    rows.push_back({kMetricNames[k], score_text(k, *effect.before), score_text(k, *effect.after),
                    fmt::format("{:+.{}f}", difference_of(effect), score_decimals(k)),
                    interval_text(effect.difference, k, true), effect.limit ? fmt::format("{}", *effect.limit) : "–",
                    verdict_text(effect) + (effect.regressed ? " !" : "")});
  }
  return rows;
}

std::string images_text(const ComparedGroup& group) {
  return group.before == group.after ? std::to_string(group.after) : fmt::format("{} → {}", group.before, group.after);
}

// Overall has all that is shown; of groups a line would be too long.
std::vector<std::size_t> group_metrics(const Comparison& comparison) {
  std::vector<std::size_t> out;
  for (const std::size_t k : comparison.shown) {
    const bool limited =
        std::ranges::any_of(comparison.groups, [&](const auto& group) { return group.effects[k].limit.has_value(); });
    if (limited || k < kHeadMetrics || k == kSilhouetteIou) out.push_back(k);
  }
  return out;
}

Rows group_rows(const Comparison& comparison) {
  const std::vector<std::size_t> metrics = group_metrics(comparison);
  Rows rows = {{"", "images"}};
  for (const std::size_t k : metrics) rows[0].push_back(kMetricNames[k]);
  for (const ComparedGroup& group : comparison.groups) {
    if (group.before == 0 || group.after == 0) continue;
    rows.push_back({group.place, images_text(group)});
    for (const std::size_t k : metrics) {
      const Effect& effect = group.effects[k];
      if (!effect.before || !effect.after) {
        rows.back().push_back("–");
        continue;
      }
      const char* mark = effect.regressed                    ? " !"
                         : effect.verdict == Verdict::better ? " +"
                         : effect.verdict == Verdict::worse  ? " -"
                                                             : "  ";
      rows.back().push_back(fmt::format("{} → {} ({:+.{}f}){}", score_text(k, *effect.before),
                                        score_text(k, *effect.after), *effect.after - *effect.before, score_decimals(k),
                                        mark));
    }
  }
  return rows;
}

// Names come from files: what would end a cell or begin markup is escaped.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (std::string_view("|\\`*_<>[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_table(const Rows& rows) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += "|";
    for (const std::string& text : rows[r]) out += " " + cell(text) + " |";
    out += "\n";
    if (r > 0) continue;
    out += "|";
    for (std::size_t c = 0; c < rows[0].size(); ++c) out += c == 0 ? " --- |" : " ---: |";
    out += "\n";
  }
  return out;
}

std::string xml(const std::string& text) {
  std::string out;
  for (const char c : escaped(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

Json effect_to_json(const Effect& effect) {
  Json value = {{"old", *effect.before}, {"new", *effect.after}, {"difference", difference_of(effect)}};
  const Estimate& d = effect.difference;
  value["interval"] = d.interval ? Json(*d.interval) : Json();
  value["images"] = d.images;
  value["vehicles"] = d.vehicles;
  value["limit"] = effect.limit ? Json(*effect.limit) : Json();
  value["verdict"] = name_of(effect.verdict);
  value["more_vehicles"] = effect.more_vehicles ? Json(*effect.more_vehicles) : Json();
  value["regressed"] = effect.regressed;
  return value;
}

}  // namespace

std::string verdict_text(const Effect& effect) {
  std::string text(name_of(effect.verdict));
  if (effect.verdict != Verdict::inconclusive) return text;
  if (effect.difference.vehicles == 0) return text + ": no view is in both";
  if (!effect.difference.interval) return text + ": one vehicle tells nothing of others";
  if (effect.more_vehicles)
    text += fmt::format(": {} more vehicle{} would tell", *effect.more_vehicles, *effect.more_vehicles > 1 ? "s" : "");
  return text;
}

std::string comparison_table(const Comparison& comparison) {
  return aligned_table(verdict_rows(comparison)) + "\n" + aligned_table(group_rows(comparison)) +
         "(! worse beyond the limit, - worse, + better, by an interval over vehicles that excludes zero)\n";
}

std::string comparison_markdown(const Comparison& comparison) {
  std::string out = fmt::format("{} → {}\n\n", cell(comparison.before_name), cell(comparison.after_name));
  const auto list = [&](const std::string& title, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) out += fmt::format("- **{}** {}\n", title, cell(line));
  };
  list("regression", comparison.regressions);
  if (comparison.regressions.empty()) out += "No regression beyond the limits.\n";
  out += "\n" + markdown_table(verdict_rows(comparison)) + "\n" + markdown_table(group_rows(comparison)) + "\n";
  list("group beyond the limit", comparison.group_regressions);
  list("note", comparison.notes);
  return out;
}

std::string comparison_junit(const Comparison& comparison) {
  std::string cases;
  int count = 0, failures = 0;
  for (const ComparedGroup& group : comparison.groups) {
    if (!group.counts) continue;
    for (std::size_t k = 0; k < kMetrics; ++k) {
      const Effect& effect = group.effects[k];
      if (!effect.limit || !effect.before || !effect.after) continue;
      ++count;
      failures += effect.regressed;
      const std::string told =
          fmt::format("{} → {} ({}), allowed {}: {}", score_text(k, *effect.before), score_text(k, *effect.after),
                      interval_text(effect.difference, k, true), *effect.limit, verdict_text(effect));
      cases += fmt::format("  <testcase classname=\"{}\" name=\"{}\">", xml(group.place), kMetricNames[k]);
      cases += effect.regressed ? fmt::format("<failure message=\"{}\"/>", xml(told))
                                : fmt::format("<system-out>{}</system-out>", xml(told));
      cases += "</testcase>\n";
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"spinfill compare\" tests=\"{}\" "
      "failures=\"{}\">\n{}</testsuite>\n",
      count, failures, cases);
}

Json comparison_to_json(const Comparison& comparison) {
  const auto listed = [](const std::vector<std::string>& lines) { return lines.empty() ? Json::array() : Json(lines); };
  Json value;
  value["regressed"] = !comparison.regressions.empty();
  value["regressions"] = listed(comparison.regressions);
  value["group_regressions"] = listed(comparison.group_regressions);
  value["notes"] = listed(comparison.notes);
  Json& groups = value["groups"] = Json::object();
  for (const ComparedGroup& group : comparison.groups) {
    Json& entry = groups[group.place] = Json::object();
    for (std::size_t k = 0; k < kMetrics; ++k) {
      const Effect& effect = group.effects[k];
      if (effect.before && effect.after) entry[kMetricNames[k]] = effect_to_json(effect);
    }
  }
  return value;
}

}  // namespace spinfill
