// SPDX-License-Identifier: Apache-2.0
#include "pages/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/config/values.h"
#include "core/files/files.h"
#include "metrics/baselines.h"
#include "pages/html.h"
#include "pages/score_tables.h"
#include "pages/svg_chart.h"
#include "pages/template.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

constexpr std::size_t kSamples = 6;               // grids embedded per run
constexpr std::uint64_t kSampleBytes = 16 << 20;  // of one grid

struct Chart {
  const char* title;
  std::string series;
  const char* metric = nullptr;  // of validation: its name among the baselines' scores
  double unit = 1;               // factor of the values
  bool smoothed = false;
};

const std::vector<Chart>& charts() {
  static const std::vector<Chart> all = {
      {"loss", "loss", nullptr, 1, true},
      {"PSNR, dB", "validation psnr", "psnr"},
      {"LPIPS", "validation lpips", "lpips"},
      {"SSIM", "validation ssim", "ssim"},
      {"foreground PSNR, dB", "validation foreground_psnr", "foreground_psnr"},
      {"foreground SSIM", "validation foreground_ssim", "foreground_ssim"},
      {"PSNR to the teacher's pictures, dB", "teacher_psnr"},
      {"replayed data: PSNR, dB", "replay psnr"},
      {"replayed data: foreground PSNR, dB", "replay foreground_psnr"},
      {"learning rate", "learning_rate"},
      {"gradient norm", "gradient_norm"},
      {"views per second", "views_per_second"},
      {"share of time waiting for data", "waiting_share"},
      {"peak memory of the first process, GB", "peak_bytes", nullptr, 1e-9},
  };
  return all;
}

using Points = std::vector<std::pair<double, double>>;

Points scaled(Points points, double unit) {
  for (auto& [step, value] : points) value *= unit;
  return points;
}

// A twentieth of the rows.
std::size_t window_of(const Points& points) {
  return std::clamp<std::size_t>(points.size() / 20, 5, 500);
}

// Exponential moving average with the weight 1/window of each row, corrected for its start from zero as the moments in
// Kingma & Ba 2015, "Adam", §3: mₜ = β·mₜ₋₁ + (1 − β)·xₜ, shown is mₜ/(1 − βᵗ).
Points smoothed(Points points) {
  const double keep = 1 - 1.0 / static_cast<double>(window_of(points));
  double mean = 0, started = 1;  // βᵗ
  for (auto& [step, value] : points) {
    mean = keep * mean + (1 - keep) * value;
    started *= keep;
    value = mean / (1 - started);
  }
  return points;
}

// The series, raw and pale where it is smoothed, in one colour.
std::vector<ChartLine> lines_of(const Series& series, const Chart& chart, const std::string& name, std::size_t colour) {
  ChartLine line{name, scaled(series.points, chart.unit), colour, colour >= kChartColours};
  if (!chart.smoothed) return {line};
  ChartLine raw = line;
  raw.pale = true;
  line.points = smoothed(std::move(line.points));
  return {raw, line};
}

// The one to beat, and of the others those that lie among what is drawn, from the curve's first step to its last. They
// are scored once, with the first validation.
void add_baselines(const RunSummary& run, const std::string& metric, std::vector<ChartLine>& lines) {
  double low = INFINITY, high = -INFINITY;
  const double from = lines.front().points.front().first, to = lines.front().points.back().first;
  for (const auto& [step, value] : lines.front().points) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  for (std::size_t i = kBaselines.size(); i-- > 0;) {
    const Series* s = run.find(fmt::format("baselines {} {}", kBaselines[i], metric));
    if (s == nullptr) continue;
    const double score = s->points.back().second;
    if (i + 1 < kBaselines.size() && (score < low || score > high)) continue;
    low = std::min(low, score);
    high = std::max(high, score);
    lines.push_back({kBaselines[i], {{from, score}, {std::max(to, from + 1), score}}, kBaselines.size() - i, true});
  }
}

// What a chart of several lines in one colour says of them.
std::string title_of(const Chart& chart, const RunSummary& run) {
  const Series* s = run.find(chart.series);
  if (!chart.smoothed || s == nullptr) return chart.title;
  return fmt::format("{}, smoothed over {} rows", chart.title, window_of(s->points));
}

// "by_category sedan psnr" → "sedan"; empty for other series.
std::string category_of(const std::string& series, const std::string& prefix) {
  if (!series.starts_with(prefix) || !series.ends_with(" psnr")) return {};
  return series.substr(prefix.size(), series.size() - prefix.size() - 5);
}

std::string category_chart(const RunSummary& run, const std::string& title, const std::string& prefix) {
  std::vector<ChartLine> lines;
  for (const Series& s : run.series) {
    const std::string category = category_of(s.name, prefix);
    if (!category.empty()) lines.push_back({category, s.points, lines.size(), lines.size() >= kChartColours});
  }
  return svg_chart(title, lines);
}

std::string sample_image(const std::filesystem::path& file) {
  return fmt::format("<div class=\"grid\"><img alt=\"{}\" src=\"data:image/png;base64,{}\"></div>\n",
                     html_escaped(file.filename().string()), base64(read_file(file, kSampleBytes)));
}

// The runs' names, or their paths as given where two names are the same.
std::vector<std::string> told_apart(const std::vector<RunSummary>& runs) {
  std::set<std::string> names;
  for (const RunSummary& run : runs) names.insert(run.name());
  std::vector<std::string> result;
  for (const RunSummary& run : runs) {
    result.push_back(names.size() == runs.size() ? run.name() : run.folder.string());
  }
  return result;
}

// The series' lines of all runs that have it, each in its run's colour.
std::vector<ChartLine> lines_of(const std::vector<RunSummary>& runs, const std::vector<std::string>& names,
                                const Chart& chart) {
  std::vector<ChartLine> lines;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Series* s = runs[i].find(chart.series);
    if (s == nullptr) continue;
    for (ChartLine& line : lines_of(*s, chart, names[i], i)) lines.push_back(std::move(line));
  }
  return lines;
}

struct Best {
  const char* title;
  const char* series;
  bool highest;
};

std::string results_table(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
  constexpr Best kBest[] = {{"PSNR, dB", "validation psnr", true},
                            {"foreground PSNR", "validation foreground_psnr", true},
                            {"SSIM", "validation ssim", true},
                            {"LPIPS", "validation lpips", false}};
  std::string head = "<th>run</th><th>last step</th>", out;
  for (const Best& best : kBest) head += fmt::format("<th>{}</th>", best.title);
  head += "<th>views per second</th><th>checkpoints</th>";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunSummary& run = runs[i];
    out += fmt::format("<tr><td>{}</td><td>{}</td>", html_escaped(names[i]),
                       run.last_row.is_null() ? "–" : run.last_row["step"].dump());
    for (const Best& best : kBest) {
      const Series* s = run.find(best.series);
      if (s == nullptr) {
        out += "<td>–</td>";
        continue;
      }
      const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
      const auto at = best.highest ? std::max_element(s->points.begin(), s->points.end(), less)
                                   : std::min_element(s->points.begin(), s->points.end(), less);
      out += fmt::format("<td>{:.4g} <small>at step {:.0f}</small></td>", at->second, at->first);
    }
    const Series* speed = run.find("views_per_second");
    out += speed == nullptr ? "<td>–</td>" : fmt::format("<td>{:.3g}</td>", speed->points.back().second);
    const auto broken = std::count_if(run.checkpoints.begin(), run.checkpoints.end(),
                                      [](const CheckpointSummary& c) { return !c.problem.empty(); });
    out += fmt::format("<td{}>{}{}</td></tr>\n", broken > 0 ? " class=\"bad\"" : "", run.checkpoints.size(),
                       broken > 0 ? fmt::format(", {} not valid", broken) : "");
  }
  return "<h2>Best validation</h2>\n" + wide_table("", head, out);
}

std::string differences_table(const std::vector<RunSummary>& runs, const std::vector<std::string>& names) {
  std::vector<std::string> keys;  // in the order of their first appearance
  std::vector<std::map<std::string, std::string>> values;
  std::set<std::string> known;
  for (const RunSummary& run : runs) {
    auto& own = values.emplace_back();
    for (const auto& [key, value] : config_values(run.config, run_config_path(run.folder).string())) {
      if (known.insert(key).second) keys.push_back(key);
      own[key] = value;
    }
  }
  std::string rows;
  for (const std::string& key : keys) {
    const auto value = [&](std::size_t i) {
      const auto found = values[i].find(key);
      return found == values[i].end() ? "–" : found->second;  // a run of another version
    };
    bool differ = false;
    for (std::size_t i = 1; i < runs.size(); ++i) differ |= value(i) != value(0);
    if (!differ) continue;
    rows += fmt::format("<tr><td>{}</td>", html_escaped(key));
    for (std::size_t i = 0; i < runs.size(); ++i) rows += fmt::format("<td>{}</td>", html_escaped(value(i)));
    rows += "</tr>\n";
  }
  if (rows.empty()) return "<h2>Settings</h2>\n<p>The same in every value.</p>\n";
  std::string head = "<th>key</th>";
  for (const std::string& name : names) head += fmt::format("<th>{}</th>", html_escaped(name));
  return "<h2>Settings that differ</h2>\n" + wide_table("words", head, rows);
}

std::string filled_page(std::string title, std::string body) {
  return filled_template(
      "page.html", {{"GENERATOR", "spinfill inspect --html"}, {"TITLE", std::move(title)}, {"BODY", std::move(body)}});
}

}  // namespace

std::string run_html(const RunSummary& run) {
  std::string page = fmt::format("<p>{} rows{}.", run.rows, run.cut ? ", the last line is cut off" : "");
  if (!run.last_row.is_null()) page += fmt::format(" Last step {}.", run.last_row["step"].get<std::int64_t>());
  if (run.last_validation.is_null() && run.rows > 0) page += " No validation was made.";
  page += "</p>\n<div class=\"curves\">\n";
  for (const Chart& chart : charts()) {
    const Series* s = run.find(chart.series);
    if (s == nullptr) continue;
    std::vector<ChartLine> lines = lines_of(*s, chart, chart.metric != nullptr ? "model" : chart.series, 0);
    if (chart.metric != nullptr) add_baselines(run, chart.metric, lines);
    page += svg_chart(title_of(chart, run), lines);
  }
  page += category_chart(run, "PSNR by category, dB", "by_category ");
  page += category_chart(run, "replayed data: PSNR by category, dB", "replay_by_category ");

  std::string rows;
  for (const CheckpointSummary& c : run.checkpoints) {
    rows +=
        fmt::format("<tr><td>{}</td><td>{:.1f} MB</td><td{}>{}</td></tr>\n", c.step, static_cast<double>(c.bytes) / 1e6,
                    c.problem.empty() ? "" : " class=\"bad\"", c.problem.empty() ? "valid" : html_escaped(c.problem));
  }
  page += "</div>\n<h2>Checkpoints</h2>\n" + wide_table("", "<th>step</th><th>size</th><th>state</th>", rows);
  page += "<h2>Samples</h2>\n<div class=\"maps\">\n";
  const std::size_t first = run.samples.size() > kSamples ? run.samples.size() - kSamples : 0;
  for (std::size_t i = first; i < run.samples.size(); ++i) {
    page += fmt::format("<section><h3>{}</h3>\n{}</section>\n", html_escaped(run.samples[i].filename().string()),
                        sample_image(run.samples[i]));
  }
  page +=
      fmt::format("</div>\n<h2>config.yaml</h2>\n<div class=\"wide\"><pre>{}</pre></div>\n", html_escaped(run.config));
  return filled_page(html_escaped(run.name()), std::move(page));
}

std::string runs_html(const std::vector<RunSummary>& runs) {
  const std::vector<std::string> names = told_apart(runs);
  std::string page = results_table(runs, names) + differences_table(runs, names);
  page += "<h2>Curves</h2>\n<div class=\"key\">";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    page += fmt::format("<span><i style=\"border-color:{};border-top-style:{}\"></i>{}</span>", chart_colour(i),
                        i >= kChartColours ? "dashed" : "solid", html_escaped(names[i]));
  }
  page += "</div>\n<div class=\"curves\">\n";
  for (const Chart& chart : charts())
    page += svg_chart(chart.smoothed ? fmt::format("{}, smoothed", chart.title) : chart.title,
                      lines_of(runs, names, chart), false);
  std::set<std::string> by_category;
  for (const RunSummary& run : runs) {
    for (const Series& s : run.series) {
      if (!category_of(s.name, "by_category ").empty() || !category_of(s.name, "replay_by_category ").empty()) {
        by_category.insert(s.name);
      }
    }
  }
  for (const std::string& series : by_category)
    page += svg_chart(series, lines_of(runs, names, {series.c_str(), series}), false);

  page += "</div>\n<h2>Last samples</h2>\n<div class=\"maps\">\n";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].samples.empty()) continue;
    const std::filesystem::path& last = runs[i].samples.back();
    page += fmt::format("<section><h3>{}, {}</h3>\n{}</section>\n", html_escaped(names[i]),
                        html_escaped(last.filename().string()), sample_image(last));
  }
  return filled_page(fmt::format("{} runs", runs.size()), page + "</div>\n");
}

}  // namespace spinfill
