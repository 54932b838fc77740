// SPDX-License-Identifier: Apache-2.0
#include "run/run_log.h"

#include <algorithm>
#include <vector>

#include "run/run_paths.h"

namespace spinfill {
namespace {

// "validation": {"psnr": 20} → validation/psnr.
void collect(const Json& value, const std::string& tag, std::vector<std::pair<std::string, double>>& scalars) {
  if (value.is_number()) scalars.emplace_back(tag, value.get<double>());
  if (value.is_boolean()) scalars.emplace_back(tag, value.get<bool>() ? 1 : 0);
  if (!value.is_object()) return;
  for (const auto& [key, inner] : value.items()) collect(inner, tag + "/" + key, scalars);
}

}  // namespace

RunLog::RunLog(const fs::path& run, std::int64_t step, const std::string& config)
    : run_(run), metrics_(run_metrics_path(run), step), events_(run, step) {
  events_.text(step, "config", "```yaml\n" + config + "\n```");
}

void RunLog::add(const Json& row) {
  metrics_.add(row);
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [key, value] : row.items()) {
    if (key == "step" || key == "images") continue;
    collect(value, value.is_object() ? key : "train/" + key, scalars);
  }
  events_.scalars(row.at("step").get<std::int64_t>(), scalars);
}

void RunLog::add_samples(std::int64_t step) {
  const std::string prefix = sample_prefix(step);
  std::vector<fs::path> grids;
  for (const auto& entry : fs::directory_iterator(run_samples_path(run_)))
    if (entry.path().filename().string().starts_with(prefix)) grids.push_back(entry.path());
  std::ranges::sort(grids);
  for (const fs::path& grid : grids)
    events_.image(step, "samples/" + grid.stem().string().substr(prefix.size()), read_file(grid));
}

}  // namespace spinfill
