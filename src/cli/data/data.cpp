// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "cli/command.h"
#include "cli/data/inspect.h"
#include "cli/data/pack.h"
#include "cli/data/stabilise.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/progress.h"
#include "data/check/check.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder;
  bool json = false, allow_missing = false;
};

int check(const Options& options) {
  std::unique_ptr<Progress> progress;
  DataCheckOptions how;
  how.allow_missing_views = options.allow_missing;
  how.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
  how.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress = std::make_unique<Progress>("checking", total, "sets");
    progress->update(done);
  };
  const DataCheck result = check_data(options.folder, how);
  if (progress) progress->finish();
  if (options.json) {
    fmt::print("{}\n", to_json(result).dump(1, ' ', false, Json::error_handler_t::replace));
  } else {
    for (const DataProblem& problem : result.problems) fmt::print("{}\n", to_line(problem));
    fmt::print("{} sets, {} readable pictures, {} problem{}\n", result.sets, result.pictures, result.problems.size(),
               result.problems.size() == 1 ? "" : "s");
  }
  std::fflush(stdout);
  return static_cast<int>(result.problems.empty() ? ExitCode::done : ExitCode::check_failed);
}

}  // namespace

Command data_command() {
  return {"data", "Checks and packs data sets, estimates their cameras and shows the estimate",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            CLI::App* sub =
                app.add_subcommand("check", "Lists every problem of a data set or view set; exits 1 if there is one");
            sub->add_option("folder", options->folder, "A data set, as view sets or as tar shards, or one view set")
                ->required();
            sub->add_flag("--json", options->json, "Result as JSON on stdout");
            sub->add_flag("--allow-missing", options->allow_missing, "Sets may lack views (sets to be completed)");
            const auto stabilise = add_stabilise(app), inspect = add_inspect_photos(app), pack = add_pack(app),
                       index = add_index(app);
            app.require_subcommand(1);
            return [options, &app, stabilise, inspect, pack, index] {
              if (app.got_subcommand("check")) return check(*options);
              if (app.got_subcommand("pack")) return pack();
              if (app.got_subcommand("index")) return index();
              return app.got_subcommand("inspect") ? inspect() : stabilise();
            };
          }};
}

}  // namespace spinfill
