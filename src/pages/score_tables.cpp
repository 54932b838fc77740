// SPDX-License-Identifier: Apache-2.0
#include "pages/score_tables.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "metrics/evaluation.h"
#include "pages/html.h"

namespace spinfill {
namespace {

constexpr double kPaleShare = 0.15;  // of the strongest difference, that is seen at all
using Colour = std::array<double, 3>;
constexpr Colour kWorse = {178, 24, 43}, kBetter = {33, 102, 172}, kPoor = {166, 84, 4};

// From white to `full`.
std::string cell(const Colour& full, double depth, const std::string& html) {
  std::array<int, 3> mixed{};
  for (std::size_t c = 0; c < 3; ++c) mixed[c] = static_cast<int>(std::lround(255 + depth * (full[c] - 255)));
  return fmt::format("<td style=\"background:#{:02x}{:02x}{:02x};color:{}\">{}</td>", mixed[0], mixed[1], mixed[2],
                     depth > 0.55 ? "#fff" : "#222", html);
}

}  // namespace

std::string change_cell(double worse, double strongest, const std::string& html) {
  const double share = strongest > 0 ? std::clamp(std::abs(worse) / strongest, 0.0, 1.0) : 0;
  return cell(worse > 0 ? kWorse : kBetter, share < kPaleShare ? 0 : share, html);
}

std::string score_cell(double badness, const std::string& html) {
  return cell(kPoor, 0.8 * std::clamp(badness, 0.0, 1.0), html);
}

void AzimuthMap::add(std::int64_t missing, std::int64_t azimuth_deg, double value) {
  cells_[{missing, azimuth_deg}].add(value);
}

std::array<double, 2> AzimuthMap::range() const {
  std::array<double, 2> range{};
  for (auto place = cells_.begin(); place != cells_.end(); ++place) {
    const double mean = place->second.mean();
    range = place == cells_.begin() ? std::array{mean, mean}
                                    : std::array{std::min(range[0], mean), std::max(range[1], mean)};
  }
  return range;
}

std::string AzimuthMap::html(const std::string& title, const std::function<std::string(double)>& cell) const {
  std::set<std::int64_t> counts, azimuths;
  for (const auto& [place, mean] : cells_) {
    counts.insert(place.first);
    azimuths.insert(place.second);
  }
  std::string head = "<th></th>", rows;
  for (const std::int64_t azimuth : azimuths) head += fmt::format("<th>{}°</th>", azimuth);
  for (const std::int64_t missing : counts) {
    rows += fmt::format("<tr><td>{} missing</td>", missing);
    for (const std::int64_t azimuth : azimuths) {
      const auto found = cells_.find({missing, azimuth});
      rows += found == cells_.end() ? "<td>–</td>" : cell(found->second.mean());
    }
    rows += "</tr>\n";
  }
  return fmt::format("<section><h3>{}</h3>\n{}</section>\n", html_escaped(title), wide_table("map", head, rows));
}

std::string change_table(const std::string& title, const std::vector<std::size_t>& metrics,
                         const std::vector<ChangeRow>& rows, std::size_t most) {
  std::vector<double> strongest(metrics.size(), 0);
  for (const ChangeRow& row : rows)
    for (std::size_t m = 0; m < metrics.size(); ++m)
      strongest[m] = std::max(strongest[m], std::abs(row.cells[m].worse.value_or(0)));
  std::string head = "<th></th><th>views</th>", body;
  for (const std::size_t k : metrics) head += fmt::format("<th>{}</th>", kMetricLabels[k]);
  for (std::size_t i = 0; i < std::min(most, rows.size()); ++i) {
    body += fmt::format("<tr><td>{}</td><td>{}</td>", html_escaped(rows[i].name), rows[i].views);
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      const ChangeRow::Cell& cell = rows[i].cells[m];
      body += cell.worse ? change_cell(*cell.worse, strongest[m], cell.html) : "<td>" + cell.html + "</td>";
    }
    body += "</tr>\n";
  }
  std::string out = fmt::format("<h2>{}</h2>\n", html_escaped(title)) + wide_table("map", head, body);
  if (rows.size() > most) out += fmt::format("<p>{} more</p>\n", rows.size() - most);
  return out;
}

std::string wide_table(const std::string& css_class, const std::string& head, const std::string& rows) {
  return fmt::format(
      "<div class=\"wide\"><table class=\"{}\"><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table></div>\n",
      css_class, head, rows);
}

}  // namespace spinfill
