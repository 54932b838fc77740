// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/inspect_data.h"
#include "core/error.h"
#include "core/log.h"
#include "metrics/checkpoint_files.h"
#include "metrics/run_summary.h"

namespace spinfill {
namespace {

struct Options {
  std::string path, html, sheet;
  bool json = false;
};

int inspect_run(const Options& options) {
  const RunSummary run = read_run(options.path);
  fmt::print("{}", options.json ? run_to_json(run).dump(2) + "\n" : run_text(run));
  if (!options.html.empty()) {
    write_file_atomic(options.html, run_html(run));
    log_info("wrote {}", options.html);
  }
  bool valid = true;
  for (const CheckpointSummary& checkpoint : run.checkpoints) valid &= checkpoint.problem.empty();
  return static_cast<int>(valid ? ExitCode::done : ExitCode::check_failed);
}

int inspect_bundle(const Options& options) {
  const fs::path path = fs::path(options.path) / "manifest.json";
  const Json manifest = read_json(path);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object()) {
    fail("{}: states no files; export the bundle again", path.string());
  }
  Json hashes = Json::object();
  for (const auto& [name, file] : manifest["files"].items()) {
    hashes[name] = file.is_object() ? file.value("sha256", Json()) : Json();
  }
  const std::vector<std::string> problems = check_hashes(options.path, hashes);
  if (options.json) {
    Json value;
    value["kind"] = "bundle";
    value["manifest"] = manifest;
    value["problems"] = problems;
    fmt::print("{}\n", value.dump(2));
  } else {
    fmt::print("bundle {}: {} files, {}\n{}\n", options.path, hashes.size(),
               problems.empty() ? "all with the hashes that the manifest states" : "NOT VALID", manifest.dump(2));
    for (const std::string& problem : problems) fmt::print("problem: {}\n", problem);
  }
  return static_cast<int>(problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

int inspect_data(const Options& options) {
  const DataSummary data = read_data_summary(options.path);
  fmt::print("{}", options.json ? data_to_json(data).dump(2) + "\n" : data_text(data));
  if (!options.sheet.empty()) {
    write_data_sheet(data, options.sheet);
    log_info("wrote {}", options.sheet);
  }
  return static_cast<int>(data.problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

int inspect(const Options& options) {
  const fs::path path = options.path;
  if (!fs::exists(path)) fail_usage("{}: does not exist; name a run, a bundle or a data set", options.path);
  const bool bundle = fs::exists(path / "manifest.json"), run = fs::exists(path / "config.yaml");
  if (!options.html.empty() && (bundle || !run)) fail_usage("--html: {} is not a run", options.path);
  if (!options.sheet.empty() && (bundle || run)) fail_usage("--contact-sheet: {} is not a data set", options.path);
  if (bundle) return inspect_bundle(options);
  if (run) return inspect_run(options);
  if (is_data(path)) return inspect_data(options);
  fail_usage("{}: is neither a run (config.yaml), a bundle (manifest.json) nor a data set (transforms.json)",
             options.path);
}

}  // namespace

Command inspect_command() {
  return {"inspect", "Show what a run, a bundle or a data set holds, and whether it is whole",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("PATH", options->path, "Folder of a run, a bundle or a data set")->required();
            app.add_option("--html", options->html, "Runs: write one self-contained page with curves and samples");
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
