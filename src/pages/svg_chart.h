// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace spinfill {

struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (x, value), by x; finite, at least one
  std::size_t colour = 0;                         // of chart_colour
  bool dashed = false;
  bool pale = false;  // behind the others, without a name or an end
};

// Six colours, as distinct for any colour vision as six can be; then they repeat.
const char* chart_colour(std::size_t index);
constexpr std::size_t kChartColours = 6;

// A line chart as an SVG element, all lines on common axes; empty without lines. The names are written below the title
// where `legend` is set and there are several; pointing at a line or its end shows its name either way, and where it
// ends: "at step 400", with `x_name` for step.
std::string svg_chart(const std::string& title, const std::vector<ChartLine>& lines, bool legend = true,
                      const std::string& x_name = "step");

// The same as a file of its own, with its style; empty of an empty chart.
std::string svg_file(const std::string& chart);

}  // namespace spinfill
