// SPDX-License-Identifier: Apache-2.0
#include "pages/comparison_page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "metrics/comparison_text.h"
#include "metrics/report.h"
#include "metrics/report_estimates.h"
#include "pages/html.h"
#include "pages/template.h"

namespace spinfill {
namespace {

constexpr std::size_t kWorst = 12;   // vehicles and views listed
constexpr double kPaleShare = 0.15;  // of the strongest difference, that is seen at all

// Mean of how much worse views got.
struct Worsening {
  double sum = 0;
  std::int64_t images = 0;
  void add(double by) {
    sum += by;
    ++images;
  }
  double mean() const { return sum / static_cast<double>(images); }
};

// Those with a limit, or PSNR and LPIPS where none has.
std::vector<std::size_t> watched_metrics(const Comparison& comparison) {
  std::vector<std::size_t> out;
  const auto& overall = comparison.groups.front().effects;
  for (const std::size_t k : comparison.shown)
    if (overall[k].limit) out.push_back(k);
  for (const std::size_t k : {std::size_t{0}, kLpips})
    if (out.empty() && overall[k].before && overall[k].after) out.push_back(k);
  return out;
}

// Red where it got worse, blue where better, white where it did not change.
std::string coloured(double worse, double strongest, const std::string& text) {
  const double share = strongest > 0 ? std::clamp(std::abs(worse) / strongest, 0.0, 1.0) : 0;
  const double depth = share < kPaleShare ? 0 : share;
  const std::array<double, 3> full = worse > 0 ? std::array{178.0, 24.0, 43.0} : std::array{33.0, 102.0, 172.0};
  std::array<int, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c) colour[c] = static_cast<int>(std::lround(255 + depth * (full[c] - 255)));
  return fmt::format("<td style=\"background:#{:02x}{:02x}{:02x};color:{}\">{}</td>", colour[0], colour[1], colour[2],
                     depth > 0.55 ? "#fff" : "#222", text);
}

// As people read a difference: up is better for PSNR, worse for LPIPS.
std::string signed_text(std::size_t metric, double worse) {
  return fmt::format("{:+.{}f}", higher_is_better(metric) ? -worse : worse, score_decimals(metric));
}

std::string verdicts(const Comparison& comparison) {
  std::string out =
      "<h2>Overall</h2>\n<div class=\"wide\"><table><tr><th></th><th>old</th><th>new</th><th>difference</th><th>95 % "
      "interval</th><th>limit</th><th>verdict</th></tr>\n";
  for (const std::size_t k : comparison.shown) {
    const Effect& effect = comparison.groups.front().effects[k];
    if (!effect.before || !effect.after) continue;
    out +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:+.{}f}</td><td>{}</td><td>{}</td><td{}>{}</td></tr>\n",
                    kMetricLabels[k], score_text(k, *effect.before), score_text(k, *effect.after),
                    *effect.after - *effect.before, score_decimals(k), interval_text(effect.difference, k, true),
                    effect.limit ? fmt::format("{}", *effect.limit) : "–", effect.regressed ? " class=\"bad\"" : "",
                    html_escaped(verdict_text(effect)));
  }
  return out + "</table></div>\n";
}

// Azimuth across, number of missing views down.
std::string heat_map(const Comparison& comparison, std::size_t metric) {
  std::map<std::pair<std::int64_t, std::int64_t>, Worsening> cells;
  std::map<std::int64_t, Worsening> azimuths;
  std::map<std::int64_t, bool> counts;
  for (const ComparedImage& image : comparison.images) {
    const auto worse = image.worsening(metric);
    if (!worse) continue;
    cells[{image.missing, image.azimuth_deg}].add(*worse);
    azimuths[image.azimuth_deg].add(*worse);
    counts[image.missing] = true;
  }
  double strongest = 0;
  for (const auto& [place, cell] : cells) strongest = std::max(strongest, std::abs(cell.mean()));
  std::string out =
      fmt::format("<h3>{}</h3>\n<div class=\"wide\"><table class=\"map\"><tr><th></th>", kMetricLabels[metric]);
  for (const auto& [azimuth, all] : azimuths) out += fmt::format("<th>{}°</th>", azimuth);
  out += "</tr>\n";
  for (const auto& [missing, there] : counts) {
    out += fmt::format("<tr><td>{} missing</td>", missing);
    for (const auto& [azimuth, all] : azimuths) {
      const auto found = cells.find({missing, azimuth});
      out += found == cells.end()
                 ? "<td>–</td>"
                 : coloured(found->second.mean(), strongest, signed_text(metric, found->second.mean()));
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

// One line per key, those that got worst first.
template <typename KeyOf>
std::string worst_table(const Comparison& comparison, const std::vector<std::size_t>& metrics, const char* title,
                        std::size_t most, const KeyOf& key_of) {
  std::map<std::string, std::vector<Worsening>> rows;
  for (const ComparedImage& image : comparison.images) {
    std::vector<Worsening>& row = rows[key_of(image)];
    row.resize(metrics.size());
    for (std::size_t m = 0; m < metrics.size(); ++m)
      if (const auto worse = image.worsening(metrics[m])) row[m].add(*worse);
  }
  std::erase_if(rows, [](const auto& row) { return row.second.front().images == 0; });
  std::vector<std::pair<std::string, std::vector<Worsening>>> sorted(rows.begin(), rows.end());
  std::ranges::stable_sort(sorted, std::greater<>(), [](const auto& row) { return row.second.front().mean(); });
  std::vector<double> strongest(metrics.size(), 0);
  for (const auto& [key, row] : sorted)
    for (std::size_t m = 0; m < metrics.size(); ++m)
      if (row[m].images > 0) strongest[m] = std::max(strongest[m], std::abs(row[m].mean()));
  std::string out =
      fmt::format("<h2>{}</h2>\n<div class=\"wide\"><table class=\"map\"><tr><th></th><th>views</th>", title);
  for (const std::size_t k : metrics) out += fmt::format("<th>{}</th>", kMetricLabels[k]);
  out += "</tr>\n";
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
    const auto& [key, row] = sorted[i];
    out += fmt::format("<tr><td>{}</td><td>{}</td>", html_escaped(key), row.front().images);
    for (std::size_t m = 0; m < metrics.size(); ++m)
      out += row[m].images == 0 ? "<td>–</td>"
                                : coloured(row[m].mean(), strongest[m], signed_text(metrics[m], row[m].mean()));
    out += "</tr>\n";
  }
  out += "</table></div>\n";
  if (sorted.size() > most) out += fmt::format("<p><small>{} more</small></p>\n", sorted.size() - most);
  return out;
}

// Old across, new up; what lies below the diagonal (of PSNR) got worse.
std::string scatter(const Comparison& comparison, std::size_t metric) {
  constexpr double kSide = 320, kEdge = 40;
  double least = 1e300, most = -1e300;
  for (const ComparedImage& image : comparison.images) {
    if (!image.worsening(metric)) continue;
    least = std::min({least, *image.before[metric], *image.after[metric]});
    most = std::max({most, *image.before[metric], *image.after[metric]});
  }
  if (least > most) return {};
  const double span = std::max(most - least, 1e-9);
  const auto across = [&](double value) { return kEdge + kSide * (value - least) / span; };
  const auto up = [&](double value) { return 10 + kSide - kSide * (value - least) / span; };
  std::string out = fmt::format(
      "<svg class=\"s\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}: old across, new up\">"
      "<path class=\"a\" fill=\"none\" d=\"M{3} 10V{4}H{5}M{3} {4}L{5} 10\"/>",
      kSide + kEdge + 10, kSide + kEdge, kMetricLabels[metric], kEdge, 10 + kSide, kEdge + kSide);
  for (const ComparedImage& image : comparison.images) {
    const auto worse = image.worsening(metric);
    if (!worse) continue;
    out += fmt::format(
        "<circle class=\"d{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"><title>{}, {}°: {} → {}</title></circle>",
        *worse > 0 ? " w" : "", across(*image.before[metric]), up(*image.after[metric]), html_escaped(image.id),
        image.azimuth_deg, score_text(metric, *image.before[metric]), score_text(metric, *image.after[metric]));
  }
  out += fmt::format(
      "<text x=\"{0}\" y=\"{1}\">{2}</text><text x=\"{3}\" y=\"{1}\" text-anchor=\"end\">{4} (old)</text>"
      "<text x=\"2\" y=\"20\">{4}</text></svg>\n",
      kEdge, kSide + 26, score_text(metric, least), kEdge + kSide, score_text(metric, most));
  return out;
}

std::string lines(const char* title, const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::string out = fmt::format("<h2>{}</h2>\n<ul>\n", title);
  for (const std::string& text : texts) out += fmt::format("<li>{}</li>\n", html_escaped(text));
  return out + "</ul>\n";
}

}  // namespace

std::string comparison_page(const Comparison& comparison) {
  const bool bad = !comparison.regressions.empty();
  std::string body = fmt::format("<p class=\"verdict{}\">", bad ? " bad" : "");
  if (bad) {
    for (const std::string& line : comparison.regressions) body += html_escaped(line) + "<br>";
  } else {
    body += "No regression beyond the limits.";
  }
  body += fmt::format("</p>\n<p>{} views of both; red got worse, blue better. {} → {}</p>\n", comparison.images.size(),
                      html_escaped(comparison.before_name), html_escaped(comparison.after_name));
  body += verdicts(comparison);
  const std::vector<std::size_t> metrics = watched_metrics(comparison);
  if (!comparison.images.empty() && !metrics.empty()) {
    body += "<h2>By azimuth and number of missing views</h2>\n";
    for (const std::size_t k : metrics) body += heat_map(comparison, k);
    body += worst_table(comparison, metrics, "By category", 100, [](const ComparedImage& i) { return i.category; });
    body += worst_table(comparison, metrics, "Vehicles, those that got worst first", kWorst,
                        [](const ComparedImage& i) { return i.id; });
    body += worst_table(comparison, metrics, "Views, those that got worst first", kWorst, [](const ComparedImage& i) {
      return fmt::format("{}, {}°, {} missing, sample {}", i.id, i.azimuth_deg, i.missing, i.sample);
    });
    body += fmt::format("<h2>{} of every view</h2>\n", kMetricLabels[metrics.front()]);
    body += scatter(comparison, metrics.front());
  }
  body += lines("Groups beyond the limits", comparison.group_regressions) + lines("Notes", comparison.notes);
  return filled_template(
      "scores.html",
      {{"GENERATOR", "spinfill compare --html"}, {"TITLE", bad ? "Worse" : "Not worse"}, {"BODY", std::move(body)}});
}

}  // namespace spinfill
