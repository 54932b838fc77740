// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/html.h"
#include "metrics/run_summary.h"

namespace spinfill {
namespace {

constexpr double kWidth = 720, kHeight = 260, kLeft = 64, kRight = 14, kTop = 30, kBottom = 34;  // px
constexpr std::size_t kColumns = 600;             // a longer series is drawn by its extremes per column
constexpr std::size_t kSamples = 6;               // grids embedded
constexpr std::uint64_t kSampleBytes = 16 << 20;  // of one grid
const char* const kColours[] = {"#1f5fbf", "#c2410c", "#15803d", "#7e22ce", "#0e7490", "#a16207"};

// 1, 2 or 5 times a power of ten, so that about `count` steps span the range.
double tick_step(double range, int count) {
  const double raw = range / count, power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1., 2., 5.}) {
    if (raw <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<std::pair<double, double>> thinned(const std::vector<std::pair<double, double>>& points) {
  if (points.size() <= 2 * kColumns) return points;
  std::vector<std::pair<double, double>> kept;
  for (std::size_t c = 0; c < kColumns; ++c) {
    const auto begin = points.begin() + c * points.size() / kColumns;
    const auto end = points.begin() + (c + 1) * points.size() / kColumns;
    auto [low, high] = std::minmax_element(begin, end, [](auto& a, auto& b) { return a.second < b.second; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (low != high) kept.push_back(*high);
  }
  return kept;
}

}  // namespace

std::string svg_chart(const std::string& title, const std::vector<const Series*>& series) {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const Series* s : series) {
    for (const auto& [x, y] : s->points) {
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, y);
      y_high = std::max(y_high, y);
    }
  }
  if (!(x_low <= x_high)) return {};
  if (x_high == x_low) x_high = x_low + 1;
  const double margin = y_high > y_low ? 0.05 * (y_high - y_low) : std::max(1e-3, 0.05 * std::abs(y_high));
  y_low -= margin;
  y_high += margin;
  const auto px = [&](double x) { return kLeft + (x - x_low) / (x_high - x_low) * (kWidth - kLeft - kRight); };
  const auto py = [&](double y) {
    return kHeight - kBottom - (y - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  };

  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\"><text x=\"{}\" y=\"18\" class=\"t\">{}</text>\n",
      kWidth, kHeight, html_escaped(title), kLeft, html_escaped(title));
  const double y_step = tick_step(y_high - y_low, 5), x_step = tick_step(x_high - x_low, 6);
  for (double i = std::ceil(y_low / y_step); i * y_step <= y_high; ++i) {
    out += fmt::format("<path class=\"g\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" class=\"y\">{:.4g}</text>\n",
                       kLeft, py(i * y_step), kWidth - kRight, kLeft - 6, py(i * y_step) + 4, i * y_step + 0.0);
  }
  for (double i = std::ceil(x_low / x_step); i * x_step <= x_high; ++i) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"x\">{:.6g}</text>\n", px(i * x_step), kHeight - 14,
                       i * x_step);
  }
  double legend = kLeft + 9.0 * static_cast<double>(title.size()) + 20;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const char* const colour = kColours[i % std::size(kColours)];
    std::string line;
    for (const auto& [x, y] : thinned(series[i]->points)) line += fmt::format("{:.1f},{:.1f} ", px(x), py(y));
    out += fmt::format("<polyline class=\"l\" stroke=\"{}\" points=\"{}\"/>\n", colour, line);
    const auto& [last_x, last_y] = series[i]->points.back();
    out += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{:.6g} at step {:.0f}</title></circle>\n",
        px(last_x), py(last_y), colour, last_y, last_x);
    if (series.size() > 1) {
      out += fmt::format("<text x=\"{:.0f}\" y=\"18\" fill=\"{}\">{}</text>\n", legend, colour,
                         html_escaped(series[i]->name));
      legend += 8.0 * static_cast<double>(series[i]->name.size()) + 16;
    }
  }
  return out + "</svg>\n";
}

std::string run_html(const RunSummary& run) {
  const std::string name = html_escaped(run.folder.filename().empty() ? run.folder.parent_path().filename().string()
                                                                      : run.folder.filename().string());
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{} – spinfill</title>\n<style>\n"
      "body{{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;color:#222}}\n"
      "svg{{width:720px;max-width:100%;font-size:12px;margin:.4em 0}} .t{{font-size:14px;font-weight:600}}\n"
      ".g{{stroke:#ddd;fill:none}} .l{{fill:none;stroke-width:1.6}} .y{{text-anchor:end}} .x{{text-anchor:middle}}\n"
      "pre{{background:#f5f5f5;padding:1em;overflow:auto}} img{{max-width:100%}} table{{border-collapse:collapse}}\n"
      "td,th{{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}} .bad{{color:#b91c1c}}\n"
      "</style></head><body>\n<h1>{}</h1>\n",
      name, name);
  page += fmt::format("<p>{} rows{}.", run.rows, run.cut ? ", the last line is cut off" : "");
  if (!run.last_row.is_null()) page += fmt::format(" Last step {}.", run.last_row["step"].get<std::int64_t>());
  page += "</p>\n";

  const auto chart = [&](const std::string& title, const std::vector<std::string>& names) {
    std::vector<const Series*> found;
    for (const std::string& n : names) {
      if (const Series* s = run.find(n); s != nullptr && !s->points.empty()) found.push_back(s);
    }
    if (!found.empty()) page += svg_chart(title, found);
  };
  chart("loss", {"loss"});
  chart("PSNR, dB", {"validation psnr", "validation foreground_psnr"});
  chart("SSIM", {"validation ssim", "validation foreground_ssim"});
  chart("LPIPS", {"validation lpips"});
  const auto chart_by_category = [&](const std::string& title, const std::string& prefix) {
    std::vector<Series> named;
    for (const Series& s : run.series) {
      if (s.name.starts_with(prefix) && s.name.ends_with(" psnr")) {
        named.push_back({s.name.substr(prefix.size(), s.name.size() - prefix.size() - 5), s.points});
      }
    }
    std::vector<const Series*> found;
    for (const Series& s : named) found.push_back(&s);
    if (!found.empty()) page += svg_chart(title, found);
  };
  chart_by_category("PSNR by category, dB", "by_category ");
  chart("replayed data: PSNR, dB", {"replay psnr", "replay foreground_psnr"});
  chart_by_category("replayed data: PSNR by category, dB", "replay_by_category ");
  chart("learning rate", {"lr"});
  chart("gradient norm", {"grad_norm"});
  chart("views per second", {"views_per_second"});

  page += "<h2>Checkpoints</h2>\n<table><tr><th>step</th><th>size</th><th>state</th></tr>\n";
  for (const CheckpointSummary& c : run.checkpoints) {
    page +=
        fmt::format("<tr><td>{}</td><td>{:.1f} MB</td><td{}>{}</td></tr>\n", c.step, static_cast<double>(c.bytes) / 1e6,
                    c.problem.empty() ? "" : " class=\"bad\"", c.problem.empty() ? "valid" : html_escaped(c.problem));
  }
  page += "</table>\n<h2>Samples</h2>\n";
  const std::size_t first = run.samples.size() > kSamples ? run.samples.size() - kSamples : 0;
  for (std::size_t i = first; i < run.samples.size(); ++i) {
    const std::string file = html_escaped(run.samples[i].filename().string());
    page += fmt::format("<h3>{}</h3>\n<img alt=\"{}\" src=\"data:image/png;base64,{}\">\n", file, file,
                        base64(read_file(run.samples[i], kSampleBytes)));
  }
  page += fmt::format("<h2>config.yaml</h2>\n<pre>{}</pre>\n</body></html>\n", html_escaped(run.config));
  return page;
}

}  // namespace spinfill
