// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/output_file.h"
#include "core/log.h"
#include "core/print.h"
#include "data/check/summary.h"
#include "infer/score_card.h"
#include "pages/data_sheet.h"
#include "pages/run_page.h"
#include "run/checkpoint_files.h"
#include "run/run_paths.h"
#include "run/run_summary.h"

namespace spinfill {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::string html, sheet;  // in inspect() and below: where their links end
  bool json = false;
  Links links = Links::stay_inside;
};

int inspect_runs(const Options& options) {
  std::vector<RunSummary> runs;
  for (const std::string& path : options.paths) runs.push_back(read_run(path));
  if (options.json) {
    Json value = run_to_json(runs[0]);
    if (runs.size() > 1) {
      value = {{"kind", "runs"}, {"runs", Json::object()}};
      for (const RunSummary& run : runs) value["runs"][run.folder.string()] = run_to_json(run);
    }
    print_json(value, 2);
  } else {
    for (const RunSummary& run : runs) print_lines(run_text(run));
  }
  if (!options.html.empty()) {
    write_file_atomic(options.html, runs.size() > 1 ? runs_html(runs) : run_html(runs[0]));
    log_info("wrote {}", options.html);
  }
  bool valid = true;
  for (const RunSummary& run : runs) {
    for (const CheckpointSummary& checkpoint : run.checkpoints) valid &= checkpoint.problem.empty();
  }
  return static_cast<int>(valid ? ExitCode::done : ExitCode::check_failed);
}

int inspect_bundle(const std::string& folder, const Options& options) {
  const fs::path path = fs::path(folder) / "manifest.json";
  const Json manifest = read_json(path);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object()) {
    fail("{}: states no files; export the bundle again", path.string());
  }
  Json hashes = Json::object();
  for (const auto& [name, file] : manifest["files"].items()) {
    hashes[name] = file.is_object() ? file.value("sha256", Json()) : Json();
  }
  const std::vector<std::string> problems = check_hashes(folder, hashes);
  if (options.json) {
    Json value;
    value["kind"] = "bundle";
    value["manifest"] = manifest;
    value["problems"] = problems;
    print_json(value, 2);
  } else {
    print_line("bundle {}: {} files, {}", folder, hashes.size(),
               problems.empty() ? "all with the hashes that the manifest states" : "NOT VALID");
    for (const std::string& line : score_card(manifest)) print_line("{}", line);
    print_lines(manifest.dump(2) + "\n");
    for (const std::string& problem : problems) print_line("problem: {}", problem);
  }
  return static_cast<int>(problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

int inspect_data(const std::string& folder, const Options& options) {
  const DataSummary data = read_data_summary(folder, options.links);
  if (options.json) {
    print_json(data_to_json(data), 2);
  } else {
    print_lines(data_text(data));
  }
  if (!options.sheet.empty()) {
    if (data.first.empty()) fail("{}: has no set to draw", data.folder.string());
    write_data_sheet(data.first, options.sheet);
    log_info("wrote {}", options.sheet);
  }
  return static_cast<int>(data.problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

int inspect(Options options) {
  for (const std::string& path : options.paths) {
    if (!fs::exists(path)) fail_usage("{}: does not exist; name a run, a bundle or a data set", path);
  }
  const auto is_bundle = [](const fs::path& path) { return fs::exists(path / "manifest.json"); };
  const auto odd = std::find_if_not(options.paths.begin(), options.paths.end(),
                                    [&](const fs::path& path) { return is_run(path) && !is_bundle(path); });
  if (odd != options.paths.end() && !options.html.empty()) fail_usage("--html: {} is not a run", *odd);
  if (odd != options.paths.end() && options.paths.size() > 1) {
    fail_usage("{}: is not a run; only runs can be shown together", *odd);
  }
  const std::string& path = options.paths.front();
  if (!options.sheet.empty() && (is_bundle(path) || is_run(path))) {
    fail_usage("--contact-sheet: {} is not a data set", path);
  }
  if (!options.html.empty()) options.html = check_output_file("--html", options.html, kRunPageMark);
  if (!options.sheet.empty()) options.sheet = check_output_file("--contact-sheet", options.sheet, kDataSheetMaker);
  if (is_bundle(path)) return inspect_bundle(path, options);
  if (is_run(path)) return inspect_runs(options);
  if (is_data(path)) return inspect_data(path, options);
  fail_usage("{}: is neither a run (config.yaml), a bundle (manifest.json) nor a data set (transforms.json)", path);
}

}  // namespace

Command inspect_command() {
  return {
      "inspect", "Show what runs, a bundle or a data set hold, and whether they are whole",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("PATH", options->paths, "Folder of a run, a bundle or a data set; or several runs")->required();
        add_follow_links(app, options->links);
        app.add_option("--html", options->html,
                       "Runs: write one self-contained page with curves and samples; of several runs, with their "
                       "curves on common axes and the settings in which they differ");
        app.add_option("--contact-sheet", options->sheet, "Data sets: write a PNG with the sets' views");
        app.add_flag("--json", options->json, "Print JSON");
        app.footer("Exit code 1: a checkpoint or a set is not valid; it is named.");
        return [options] {
          const int code = inspect(*options);
          std::fflush(stdout);
          return code;
        };
      }};
}

}  // namespace spinfill
