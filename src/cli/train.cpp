// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log.h"
#include "metrics/run_config.h"
#include "train/trainer.h"

namespace spinfill {
namespace {

struct TrainArguments {
  std::string config, out;
  std::vector<std::string> set;
  bool resume = false, print_config = false;
};

int run(const TrainArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.set) overrides.push_back(parse_override(text));
  const fs::path stored = fs::path(arguments.out) / "config.yaml";
  const bool resumes = arguments.resume && !arguments.out.empty();
  if (arguments.config.empty() && !resumes) fail_usage("train: --config FILE is needed (see configs/default.yaml)");
  if (resumes && !fs::exists(stored)) {
    fail_usage("{}: there is no run to resume here; leave --resume out to start one", arguments.out);
  }
  const fs::path source = arguments.config.empty() ? stored : fs::path(arguments.config);
  const auto config = load_config<RunConfig>(source, overrides);
  if (arguments.print_config) {
    fmt::print("{}", to_yaml(config));
    return 0;
  }
  if (arguments.out.empty()) fail_usage("train: --out RUN is needed");
  const TrainResult result = train(config, arguments.out, arguments.resume);
  return static_cast<int>(result.stopped ? ExitCode::resume : ExitCode::done);
}

}  // namespace

Command train_command() {
  return {"train", "Train a model on eight-view vehicle sets", [](CLI::App& app) {
            auto arguments = std::make_shared<TrainArguments>();
            app.add_option("--config", arguments->config, "YAML file; --print-config lists every key");
            app.add_option("--set", arguments->set, "Override one key: --set train.steps=500")->take_all();
            app.add_option("--out", arguments->out, "Run folder: config.yaml, metrics.jsonl, samples/, checkpoints/");
            app.add_flag("--resume", arguments->resume,
                         "Go on from the newest valid checkpoint of --out; an error if there is none");
            app.add_flag("--print-config", arguments->print_config, "Print the effective configuration and stop");
            app.footer("SIGINT and SIGTERM save a checkpoint and exit 75; --resume goes on bit for bit.");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
