// SPDX-License-Identifier: Apache-2.0
#include "pages/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "pages/html.h"

namespace spinfill {
namespace {

constexpr double kWidth = 560, kPlot = 180, kLeft = 64, kRight = 14, kTop = 32, kBottom = 34;  // px
constexpr double kLegendLine = 17, kLetter = 7.5;                                              // of a name
constexpr std::size_t kColumns = 600;  // a longer series is drawn by its extremes per column
const char* const kColours[kChartColours] = {"#1f5fbf", "#c2410c", "#15803d", "#7e22ce", "#0e7490", "#a16207"};

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

// The names of the lines, in as many rows as they need below the title.
struct Legend {
  std::string svg;
  double height = 0;
};
Legend legend_of(const std::vector<ChartLine>& lines) {
  if (std::ranges::count(lines, false, &ChartLine::pale) < 2) return {};
  Legend out;
  double x = kLeft;
  out.height = kLegendLine;
  for (const ChartLine& line : lines) {
    if (line.pale) continue;
    const double width = kLetter * static_cast<double>(line.name.size()) + 16;
    if (x > kLeft && x + width > kWidth) {
      x = kLeft;
      out.height += kLegendLine;
    }
    out.svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" fill=\"{}\">{}</text>\n", x, kTop - 14 + out.height,
                           chart_colour(line.colour), html_escaped(line.name));
    x += width;
  }
  return out;
}

}  // namespace

const char* chart_colour(std::size_t index) {
  return kColours[index % kChartColours];
}

std::string svg_chart(const std::string& title, const std::vector<ChartLine>& lines, bool legend,
                      const std::string& x_name) {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const ChartLine& line : lines) {
    for (const auto& [x, y] : line.points) {
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
  const Legend names = legend ? legend_of(lines) : Legend{};
  const double bottom = kTop + names.height + kPlot;
  const auto py = [&](double y) { return bottom - (y - y_low) / (y_high - y_low) * kPlot; };

  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\"><text x=\"{}\" y=\"18\" class=\"t\">{}</text>\n",
      kWidth, bottom + kBottom, html_escaped(title), kLeft, html_escaped(title));
  out += names.svg;
  const double y_step = tick_step(y_high - y_low, 5), x_step = tick_step(x_high - x_low, 6);
  // As many digits as tell neighbouring ticks apart.
  const int y_digits =
      std::clamp(2 + static_cast<int>(std::floor(std::log10(std::max(std::abs(y_low), std::abs(y_high)))) -
                                      std::floor(std::log10(y_step))),
                 4, 15);
  for (double i = std::ceil(y_low / y_step); i * y_step <= y_high; ++i) {
    out +=
        fmt::format("<path class=\"g\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" class=\"y\">{:.{}g}</text>\n",
                    kLeft, py(i * y_step), kWidth - kRight, kLeft - 6, py(i * y_step) + 4, i * y_step + 0.0, y_digits);
  }
  for (double i = std::ceil(x_low / x_step); i * x_step <= x_high; ++i) {
    out +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"x\">{:.6g}</text>\n", px(i * x_step), bottom + 20, i * x_step);
  }
  for (const ChartLine& line : lines) {
    const char* const colour = chart_colour(line.colour);
    const std::string name = html_escaped(line.name);
    std::string points;
    for (const auto& [x, y] : thinned(line.points)) points += fmt::format("{:.1f},{:.1f} ", px(x), py(y));
    if (line.pale) {
      out += fmt::format("<polyline class=\"l\" stroke=\"{}\" stroke-opacity=\".3\" points=\"{}\"/>\n", colour, points);
      continue;
    }
    out += fmt::format("<polyline class=\"l\" stroke=\"{}\"{} points=\"{}\"><title>{}</title></polyline>\n", colour,
                       line.dashed ? " stroke-dasharray=\"6 3\"" : "", points, name);
    const auto& [last_x, last_y] = line.points.back();
    out += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}: {:.6g} at {} {:.0f}</title></circle>\n",
        px(last_x), py(last_y), colour, name, last_y, html_escaped(x_name), last_x);
  }
  return out + "</svg>\n";
}

std::string svg_file(const std::string& chart) {
  constexpr std::string_view kOpening = "<svg ";
  if (!chart.starts_with(kOpening)) return {};
  const std::size_t inside = chart.find('>') + 1;
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" " + chart.substr(kOpening.size(), inside - kOpening.size()) +
         "<style>text{font:12px sans-serif}.t{font-weight:600}.y{text-anchor:end}.x{text-anchor:middle}"
         ".g{stroke:#ddd;fill:none}.l{fill:none;stroke-width:1.6}</style><rect width=\"100%\" height=\"100%\" "
         "fill=\"#fff\"/>" +
         chart.substr(inside);
}

}  // namespace spinfill
