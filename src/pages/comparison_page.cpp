// SPDX-License-Identifier: Apache-2.0
#include "pages/comparison_page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "metrics/comparison_text.h"
#include "metrics/report.h"
#include "metrics/report_estimates.h"
#include "pages/gallery.h"
#include "pages/html.h"
#include "pages/score_tables.h"
#include "pages/shown_pictures.h"
#include "pages/template.h"

namespace spinfill {
namespace {

constexpr std::size_t kWorst = 12;  // vehicles and views listed

// Those with a limit, or PSNR and LPIPS where none has.
std::vector<std::size_t> watched_metrics(const Comparison& comparison) {
  std::vector<std::size_t> out;
  const auto& overall = comparison.groups.front().effects;
  for (const std::size_t k : comparison.shown)
    if (overall[k].limit) out.push_back(k);
  const bool none = out.empty();
  for (const std::size_t k : {std::size_t{0}, kLpips})
    if (none && overall[k].before && overall[k].after) out.push_back(k);
  return out;
}

// As people read a difference: up is better for PSNR, worse for LPIPS.
std::string signed_text(std::size_t metric, double worse) {
  return fmt::format("{:+.{}f}", higher_is_better(metric) ? -worse : worse, score_decimals(metric));
}

std::string verdicts(const Comparison& comparison) {
  std::string rows;
  for (const std::size_t k : comparison.shown) {
    const Effect& effect = comparison.groups.front().effects[k];
    if (!effect.before || !effect.after) continue;
    rows +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:+.{}f}</td><td>{}</td><td>{}</td><td{}>{}</td></tr>\n",
                    kMetricLabels[k], score_text(k, *effect.before), score_text(k, *effect.after),
                    *effect.after - *effect.before, score_decimals(k), interval_text(effect.difference, k, true),
                    effect.limit ? fmt::format("{}", *effect.limit) : "–", effect.regressed ? " class=\"bad\"" : "",
                    html_escaped(verdict_text(effect)));
  }
  return "<h2>Overall</h2>\n" + wide_table("",
                                           "<th></th><th>old</th><th>new</th><th>difference</th><th>95 % interval</th>"
                                           "<th>limit</th><th>verdict</th>",
                                           rows);
}

std::string heat_map(const Comparison& comparison, std::size_t metric) {
  AzimuthMap map;
  for (const ComparedImage& image : comparison.images)
    if (const auto worse = image.worsening(metric)) map.add(image.missing, image.azimuth_deg, *worse);
  const auto [best, worst] = map.range();
  const double strongest = std::max(std::abs(best), std::abs(worst));
  return map.html(kMetricLabels[metric],
                  [&](double mean) { return change_cell(mean, strongest, signed_text(metric, mean)); });
}

// How much worse the views of one name got, in each of the metrics.
struct NamedChange {
  std::string name;
  std::vector<Mean> worse;
};

// Those that got worst in the first metric come first.
template <typename NameOf>
std::vector<NamedChange> changes_by(const Comparison& comparison, const std::vector<std::size_t>& metrics,
                                    const NameOf& name_of) {
  std::map<std::string, std::vector<Mean>> found;
  for (const ComparedImage& image : comparison.images) {
    std::vector<Mean>& means = found[name_of(image)];
    means.resize(metrics.size());
    for (std::size_t m = 0; m < metrics.size(); ++m)
      if (const auto worse = image.worsening(metrics[m])) means[m].add(*worse);
  }
  std::vector<NamedChange> out;
  for (auto& [name, means] : found)
    if (means.front().count > 0) out.push_back({name, std::move(means)});
  std::ranges::stable_sort(out, std::greater<>(), [](const NamedChange& c) { return c.worse.front().mean(); });
  return out;
}

std::string changes_table(const std::vector<NamedChange>& changes, const std::vector<std::size_t>& metrics,
                          const char* title, std::size_t most) {
  std::vector<ChangeRow> rows;
  for (const NamedChange& change : changes) {
    rows.push_back({change.name, change.worse.front().count, std::vector<ChangeRow::Cell>(metrics.size())});
    for (std::size_t m = 0; m < metrics.size(); ++m)
      if (const Mean& worse = change.worse[m]; worse.count > 0)
        rows.back().cells[m] = {signed_text(metrics[m], worse.mean()), worse.mean()};
  }
  return change_table(title, metrics, rows, most);
}

std::string view_name(const ComparedImage& image) {
  return fmt::format("{}, {}°, {} missing, sample {}", image.id, image.azimuth_deg, image.missing, image.sample);
}

// What a reader looks for first.
std::string headline(const std::vector<NamedChange>& vehicles, const std::vector<NamedChange>& views,
                     std::size_t metric) {
  const auto told = [&](const char* what, const NamedChange& change) {
    return fmt::format("{} that got worst: <b>{}</b>, {} {}. ", what, html_escaped(change.name), kMetricLabels[metric],
                       signed_text(metric, change.worse.front().mean()));
  };
  if (views.front().worse.front().mean() <= 0) return "<p class=\"lead\">No view got worse.</p>\n";
  const bool any_vehicle = vehicles.front().worse.front().mean() > 0;
  return fmt::format("<p class=\"lead\">{}{}</p>\n", any_vehicle ? told("The vehicle", vehicles.front()) : "",
                     told("The view", views.front()));
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

std::string comparison_page(const Comparison& comparison, const ReportFolders& folders) {
  const bool bad = !comparison.regressions.empty();
  std::string body = fmt::format("<p class=\"verdict{}\">", bad ? " bad" : "");
  if (bad) {
    for (const std::string& line : comparison.regressions) body += html_escaped(line) + "<br>";
  } else {
    body += "No regression beyond the limits.";
  }
  body += "</p>\n";
  const std::string of_all =
      fmt::format("<p>{} views of both; red got worse, blue better. {} → {}</p>\n", comparison.images.size(),
                  html_escaped(comparison.before_name), html_escaped(comparison.after_name));
  const std::vector<std::size_t> metrics = watched_metrics(comparison);
  const auto by = [&](const auto& name_of) { return changes_by(comparison, metrics, name_of); };
  std::vector<NamedChange> views;
  if (!metrics.empty()) views = by(view_name);
  if (views.empty()) {
    body += of_all + verdicts(comparison);
  } else {
    const std::vector<NamedChange> vehicles = by([](const ComparedImage& i) { return i.id; });
    const ComparedViews pictures = compared_views(comparison, metrics.front(), folders);
    body += headline(vehicles, views, metrics.front());
    body += pictures.absent.empty() ? gallery("Views that got worst", error_note(), pictures.worst)
                                    : fmt::format("<p>{}</p>\n", html_escaped(pictures.absent));
    body += of_all + verdicts(comparison);
    body += "<h2>By azimuth and number of missing views</h2>\n<div class=\"maps\">\n";
    for (const std::size_t k : metrics) body += heat_map(comparison, k);
    body +=
        "</div>\n" + changes_table(by([](const ComparedImage& i) { return i.category; }), metrics, "By category", 100);
    body += changes_table(vehicles, metrics, "Vehicles, those that got worst first", kWorst);
    body += changes_table(views, metrics, "Views, those that got worst first", kWorst);
    body += fmt::format("<h2>{} of every view</h2>\n", kMetricLabels[metrics.front()]);
    body += scatter(comparison, metrics.front());
    body += gallery("Views that improved most", error_note(), pictures.best);
  }
  body += lines("Groups beyond the limits", comparison.group_regressions) + lines("Notes", comparison.notes);
  return filled_template(
      "page.html",
      {{"GENERATOR", "spinfill compare --html"}, {"TITLE", bad ? "Worse" : "Not worse"}, {"BODY", std::move(body)}});
}

}  // namespace spinfill
