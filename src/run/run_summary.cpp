// SPDX-License-Identifier: Apache-2.0
#include "run/run_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/files/text_file.h"
#include "core/text.h"
#include "run/checkpoint_files.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

// Values of one row, nested objects by their path ("validation psnr"); all but finite numbers are left out.
void collect(const Json& object, const std::string& prefix, int depth,
             std::vector<std::pair<std::string, double>>& values) {
  for (const auto& [key, value] : object.items()) {
    if (prefix.empty() && key == "step") continue;
    const std::string name = prefix.empty() ? key : prefix + " " + key;
    if (value.is_number() && std::isfinite(value.get<double>())) values.emplace_back(name, value.get<double>());
    if (value.is_object() && depth < 3) collect(value, name, depth + 1, values);
  }
}

void read_rows(const fs::path& path, RunSummary& run) {
  const std::string text = read_file(path);
  std::map<std::string, std::size_t> places;
  std::vector<std::map<double, double>> points;
  std::int64_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) {
      run.cut = true;
      break;
    }
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    const std::string where = fmt::format("{}:{}", path.string(), line_number);
    const Json row = parse_json(line, where);
    if (!row.is_object() || !row.contains("step") || !row["step"].is_number_integer() ||
        row["step"].get<double>() < 0) {
      fail("{}: not a row with a step; the file was not written by spinfill train", where);
    }
    const auto step = row["step"].get<double>();
    std::vector<std::pair<std::string, double>> values;
    collect(row, "", 0, values);
    for (const auto& [name, value] : values) {
      const auto [place, fresh] = places.try_emplace(name, points.size());
      if (fresh) {
        points.emplace_back();
        run.series.push_back({name, {}});
      }
      points[place->second][step] = value;
    }
    (row.contains("validation") ? run.last_validation : run.last_row) = row;
    ++run.rows;
  }
  for (std::size_t i = 0; i < points.size(); ++i) run.series[i].points.assign(points[i].begin(), points[i].end());
}

CheckpointSummary summary_of(const CheckpointEntry& entry) {
  const auto& [step, folder] = entry;
  CheckpointSummary checkpoint;
  checkpoint.step = step;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.is_regular_file(error)) checkpoint.bytes += file.file_size(error);
  }
  try {
    const fs::path path = folder / kStateFile;
    if (!fs::exists(path)) fail("no state.json: the save was not finished");
    const Json state = read_json(path);
    if (!state.is_object() || state.value("step", Json()) != Json(step)) fail("state.json is of another step");
    if (!state.contains("hashes")) fail("state.json states no hashes");
    const auto problems = check_hashes(folder, state["hashes"]);
    if (!problems.empty()) checkpoint.problem = problems.front();
  } catch (const Error& problem) {
    checkpoint.problem = problem.what();
  }
  return checkpoint;
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string row_text(const Json& row) {
  std::vector<std::pair<std::string, double>> values;
  collect(row, "", 0, values);
  std::string text = fmt::format("step {}", row["step"].get<std::int64_t>());
  for (const auto& [name, value] : values) text += fmt::format(", {} {:.5g}", escaped(name), value);
  return text;
}

}  // namespace

const Series* RunSummary::find(const std::string& name) const {
  for (const Series& s : series) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

std::string RunSummary::name() const {
  return (folder.filename().empty() ? folder.parent_path() : folder).filename().string();
}

RunSummary read_run(const fs::path& folder) {
  RunSummary run;
  run.folder = folder;
  if (!is_run(folder)) fail_usage("{}: is not a run (no config.yaml)", folder.string());
  run.config = read_text_file(run_config_path(folder), 1 << 20);
  if (fs::exists(run_metrics_path(folder))) read_rows(run_metrics_path(folder), run);
  for (const CheckpointEntry& entry : list_checkpoint_folders(folder)) run.checkpoints.push_back(summary_of(entry));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run_samples_path(folder), error)) {
    if (entry.path().extension() == ".png" && entry.is_regular_file(error)) run.samples.push_back(entry.path());
  }
  std::sort(run.samples.begin(), run.samples.end());
  return run;
}

std::string run_text(const RunSummary& run) {
  std::string text = fmt::format("run {}\n", escaped(run.folder.string()));
  text += fmt::format("metrics.jsonl: {} rows{}\n", run.rows, run.cut ? ", the last line is cut off" : "");
  if (!run.last_row.is_null()) text += fmt::format("last: {}\n", row_text(run.last_row));
  if (!run.last_validation.is_null()) text += fmt::format("last validation: {}\n", row_text(run.last_validation));
  if (run.last_validation.is_null() && run.rows > 0) text += "no validation was made\n";
  if (run.checkpoints.empty()) text += "no checkpoint yet\n";
  for (const CheckpointSummary& c : run.checkpoints) {
    text += fmt::format("checkpoint step {}: {}, {}\n", c.step, megabytes(c.bytes),
                        c.problem.empty() ? "valid" : "NOT VALID: " + c.problem);
  }
  text += fmt::format("{} sample grids\n\nconfig.yaml:\n{}", run.samples.size(), run.config);
  if (text.back() != '\n') text += '\n';
  return text;
}

Json run_to_json(const RunSummary& run) {
  Json value;
  value["kind"] = "run";
  value["rows"] = run.rows;
  value["cut"] = run.cut;
  value["last"] = run.last_row;
  value["last_validation"] = run.last_validation;
  Json& checkpoints = value["checkpoints"] = Json::array();
  for (const CheckpointSummary& c : run.checkpoints) {
    checkpoints.push_back({{"step", c.step},
                           {"bytes", c.bytes},
                           {"valid", c.problem.empty()},
                           {"problem", c.problem.empty() ? Json() : Json(c.problem)}});
  }
  value["samples"] = run.samples.size();
  return value;
}

}  // namespace spinfill
