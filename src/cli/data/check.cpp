// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/print.h"
#include "core/progress.h"
#include "data/check/check.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder;
  bool json = false, allow_missing = false;
  PhotographChoice photographs;
};

int check(const Options& options) {
  std::optional<Progress> progress;
  DataCheckOptions how;
  how.allow_missing_views = options.allow_missing;
  how.photographs = options.photographs.options();
  how.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
  how.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace("checking", total, "sets");
    progress->update(done);
  };
  const DataCheck result = check_data(options.folder, how);
  if (progress) progress->finish();
  if (options.json) {
    print_json(to_json(result), 1);
  } else {
    for (const DataProblem& problem : result.problems) print_line("{}", to_line(problem));
    print_line("{} sets, {} readable pictures, {} problem{}", result.sets, result.pictures, result.problems.size(),
               result.problems.size() == 1 ? "" : "s");
  }
  std::fflush(stdout);
  return static_cast<int>(result.problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

}  // namespace

Command data_check_command() {
  return {"check", "Lists every problem of a data set, a view set or a folder of pictures; exits 1 if there is one",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("folder", options->folder,
                           "A data set, as view sets or as tar shards, one view set, or a folder of pictures")
                ->required();
            app.add_flag("--json", options->json, "Result as JSON on stdout");
            app.add_flag("--allow-missing", options->allow_missing, "Sets may lack views (sets to be completed)");
            add_photographs(app, options->photographs);
            return [options] { return check(*options); };
          }};
}

}  // namespace spinfill
