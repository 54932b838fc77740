// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spinfill {

// Tables of scores in which colour says where to look.

// A cell that is red where `worse` is above 0, blue below, and white where it is little beside `strongest`.
std::string change_cell(double worse, double strongest, const std::string& html);
// A cell that is the darker the further its badness is from 0 to 1.
std::string score_cell(double badness, const std::string& html);

struct Mean {
  double sum = 0;
  std::int64_t count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  double mean() const { return sum / static_cast<double>(count); }
};

// Means by number of missing views (down) and azimuth (across).
class AzimuthMap {
 public:
  void add(std::int64_t missing, std::int64_t azimuth_deg, double value);
  std::array<double, 2> range() const;  // of the cells' means; {0, 0} without any
  // A section with a heading; `cell` makes a <td> of a mean.
  std::string html(const std::string& title, const std::function<std::string(double)>& cell) const;

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, Mean> cells_;  // by (missing, azimuth)
};

// A table with a line per name: how many views it has, and a cell per metric, coloured where `worse` is known beside
// the strongest of its column. The first `most` lines; how many more there are is said below.
struct ChangeRow {
  struct Cell {
    std::string html = "–";
    std::optional<double> worse = {};
  };
  std::string name;  // plain text
  std::int64_t views = 0;
  std::vector<Cell> cells;
};
std::string change_table(const std::string& title, const std::vector<std::size_t>& metrics,
                         const std::vector<ChangeRow>& rows, std::size_t most);

// <div class="wide"> round a table with a head and rows of cells.
std::string wide_table(const std::string& css_class, const std::string& head, const std::string& rows);

}  // namespace spinfill
