// SPDX-License-Identifier: Apache-2.0
#include "metrics/comparison.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/config/config.h"
#include "core/error.h"
#include "metrics/report.h"

namespace spinfill {
namespace {

struct Group {
  std::int64_t images = 0;
  std::array<std::optional<double>, kMetrics> scores;
};

Group read_group(const Json& value, const std::string& where) {
  if (!value.is_object()) fail("{}: not an object with scores", where);
  Group group;
  const auto images = value.find("images");
  if (images == value.end() || !images->is_number_integer() || images->get<double>() < 1 ||
      images->get<double>() > 1e15) {
    fail("{}.images: not a count of at least 1", where);
  }
  group.images = images->get<std::int64_t>();
  for (std::size_t k = 0; k < kMetrics; ++k) {
    const auto found = value.find(kMetricNames[k]);
    if (found == value.end() || found->is_null()) continue;
    if (!found->is_number() || !std::isfinite(found->get<double>()) || std::abs(found->get<double>()) > 1000) {
      fail("{}.{}: not a score", where, kMetricNames[k]);
    }
    group.scores[k] = found->get<double>();
  }
  return group;
}

struct Report {
  Json protocol;
  Group overall;
  std::vector<std::pair<std::string, Group>> groups;  // "by_missing 1"
};

Report read_report(const Json& value, const std::string& name) {
  if (!value.is_object() || !value.contains("protocol") || !value.contains("overall")) {
    fail("{}: not a report of spinfill evaluate: no protocol or overall", name);
  }
  Report report{value["protocol"], read_group(value["overall"], name + ": overall"), {}};
  if (!report.protocol.is_object()) fail("{}: protocol: not an object", name);
  for (const char* grouping : {"by_missing", "by_case", "by_azimuth", "by_category"}) {
    if (!value.contains(grouping)) continue;
    if (!value[grouping].is_object()) fail("{}: {}: not an object", name, grouping);
    for (const auto& [key, group] : value[grouping].items()) {
      const std::string place = fmt::format("{} {}", grouping, key);
      report.groups.emplace_back(place, read_group(group, name + ": " + place));
    }
  }
  return report;
}

// How much worse `after` is; positive is worse.
double worsening(std::size_t metric, double before, double after) {
  return higher_is_better(metric) ? before - after : after - before;
}

// A value stored and read back may differ in the last digit; a limit reached exactly holds.
constexpr double kTolerance = 1e-9;

}  // namespace

DropLimits DropLimits::parse(const std::string& text) {
  DropLimits limits;
  limits.limit.fill(std::nullopt);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const auto metric = std::find(kMetricNames.begin(), kMetricNames.end(), name);
    if (metric == kMetricNames.end()) {
      const auto meant = did_you_mean(name, kMetricNames);
      fail_usage("--max-drop: no metric is called '{}'{}; there are {}", name,
                 meant ? fmt::format(", did you mean {}?", *meant) : "", fmt::join(kMetricNames, ", "));
    }
    const std::string number = equals == std::string::npos ? "" : part.substr(equals + 1);
    double value = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || stop != number.data() + number.size() || !std::isfinite(value) || value < 0) {
      fail_usage("--max-drop: '{}': write {}=NUMBER with a number of at least 0", part, name);
    }
    auto& limit = limits.limit[metric - kMetricNames.begin()];
    if (limit) fail_usage("--max-drop: {} is given twice", name);
    limit = value;
  }
  return limits;
}

Comparison compare_reports(const Json& before, const std::string& before_name, const Json& after,
                           const std::string& after_name, const std::optional<DropLimits>& given,
                           bool allow_different_protocol) {
  const Report old_report = read_report(before, before_name), new_report = read_report(after, after_name);
  const DropLimits limits = given.value_or(DropLimits{});
  Comparison result;
  if (const std::string different = unlike(old_report.protocol, new_report.protocol);
      !different.empty() && !allow_different_protocol) {
    fail_usage("{} and {} were not measured alike: {}; evaluate both alike, or pass --allow-different-protocol",
               before_name, after_name, different);
  }
  for (const Difference& difference : differences(old_report.protocol, new_report.protocol)) {
    result.notes.push_back(fmt::format("{}: protocol.{} is {}",
                                       difference.moves_numbers ? "not measured alike" : "the two differ",
                                       difference.key, difference.text));
  }
  if (!old_report.protocol.contains("cameras") && !new_report.protocol.contains("cameras")) {
    result.notes.push_back(
        "neither report says which cameras the targets had, and they may have been estimated from the targets "
        "themselves: evaluate both again");
  }
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (!limits.limit[k] || (old_report.overall.scores[k] && new_report.overall.scores[k])) continue;
    const std::string& lacking = old_report.overall.scores[k] ? after_name : before_name;
    if (given) fail_usage("--max-drop {}: {} has no {} overall", kMetricNames[k], lacking, kMetricNames[k]);
    result.notes.push_back(fmt::format("{} is not checked: {} has none", kMetricNames[k], lacking));
  }

  // Reports at the model's size have a part of the metrics; the lesser ones are shown where they are checked.
  const auto is_shown = [&](std::size_t k) {
    if (k % kAligned >= kHeadMetrics && k % kAligned < kModelMetrics) return limits.limit[k].has_value();
    return k < kModelMetrics || old_report.overall.scores[k] || new_report.overall.scores[k];
  };
  std::vector<std::vector<std::string>> rows = {{"", "images"}};
  for (std::size_t k = 0; k < kMetrics; ++k)
    if (is_shown(k)) rows[0].push_back(kMetricNames[k]);
  const auto add = [&](const std::string& place, const Group& a, const Group& b, std::vector<std::string>& worse) {
    rows.push_back(
        {place, a.images == b.images ? std::to_string(a.images) : fmt::format("{} → {}", a.images, b.images)});
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (!is_shown(k)) continue;
      if (!a.scores[k] || !b.scores[k]) {
        rows.back().push_back("–");
        continue;
      }
      const double drop = worsening(k, *a.scores[k], *b.scores[k]);
      const bool beyond = limits.limit[k] && drop > *limits.limit[k] + kTolerance;
      rows.back().push_back(fmt::format("{} → {} ({:+.{}f}){}", score_text(k, *a.scores[k]),
                                        score_text(k, *b.scores[k]), *b.scores[k] - *a.scores[k], score_decimals(k),
                                        beyond ? " !" : "  "));
      if (beyond) {
        worse.push_back(fmt::format("{}: {} {} by {:.4f}, allowed {}", place, kMetricNames[k],
                                    higher_is_better(k) ? "fell" : "rose", drop, *limits.limit[k]));
      }
    }
  };
  add("overall", old_report.overall, new_report.overall, result.regressions);
  for (const auto& [place, group] : old_report.groups) {
    const auto other = std::find_if(new_report.groups.begin(), new_report.groups.end(),
                                    [&place = place](const auto& entry) { return entry.first == place; });
    if (other == new_report.groups.end()) {
      result.notes.push_back(fmt::format("{} is only in {}", place, before_name));
    } else {
      add(place, group, other->second, result.group_regressions);
    }
  }
  for (const auto& [place, group] : new_report.groups) {
    const bool shared = std::any_of(old_report.groups.begin(), old_report.groups.end(),
                                    [&place = place](const auto& entry) { return entry.first == place; });
    if (!shared) result.notes.push_back(fmt::format("{} is only in {}", place, after_name));
  }
  result.table = aligned_table(rows);
  return result;
}

}  // namespace spinfill
