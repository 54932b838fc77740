// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options.h"
#include "core/config/config.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/print.h"
#include "core/signals.h"
#include "run/run_kind.h"
#include "run/run_paths.h"
#include "train/autoencoder/trainer.h"
#include "version.h"  // made by cmake/version.cmake

namespace spinfill {
namespace {

struct Arguments {
  std::string config, out;
  std::vector<std::string> set;
  bool resume = false, print_config = false;
};

int run(const Arguments& arguments) {
  // Until the process ends: a late signal changes no exit code.
  StopSignals::will("ending before the first step");
  [[maybe_unused]] static const auto& signals = *new StopSignals;
  const bool resumes = arguments.resume && !arguments.out.empty();
  const fs::path stored = run_config_path(arguments.out);
  if (arguments.config.empty() && !resumes)
    fail_usage("train-autoencoder: --config FILE is needed (see configs/taesd-decoder.yaml)");
  if (resumes && !fs::exists(stored))
    fail_usage("{}: there is no run to resume here; leave --resume out to start one", arguments.out);
  if (resumes) require_kind(arguments.out, RunKind::autoencoder);
  const fs::path source = arguments.config.empty() ? stored : fs::path(arguments.config);
  require_config_kind(read_file(source, 1 << 20), source, RunKind::autoencoder);
  const auto config = load_config<AutoencoderRunConfig>(source, parse_overrides(arguments.set));
  if (arguments.print_config) {
    print_lines(to_yaml(config));
    return 0;
  }
  if (arguments.out.empty()) fail_usage("train-autoencoder: --out RUN is needed");
  const AutoencoderResult result = train_autoencoder(config, arguments.out, resumes, SPINFILL_VERSION);
  return static_cast<int>(result.stopped ? ExitCode::resume : ExitCode::done);
}

}  // namespace

Command train_autoencoder_command() {
  return {"train-autoencoder", "Train or fine-tune an autoencoder, or its decoder, on pictures of vehicles",
          [](CLI::App& app) {
            auto arguments = std::make_shared<Arguments>();
            app.add_option("--config", arguments->config, "YAML file; --print-config lists every key");
            add_overrides(app, arguments->set, "train.steps=500");
            app.add_option("--out", arguments->out,
                           "Run folder: config.yaml, metrics.jsonl, samples/, checkpoints/; at the end "
                           "autoencoder.safetensors, and diffusers/ with the same for Python");
            app.add_flag("--resume", arguments->resume,
                         "Go on from the newest valid checkpoint of --out; an error if there is none");
            app.add_flag("--print-config", arguments->print_config, "Print the effective configuration and stop");
            app.footer(
                "With train.part decoder (the default) latents stay as they are: models that were trained on them go "
                "on working.\n"
                "SIGINT, SIGTERM, SIGHUP, SIGUSR1 and the like save a checkpoint after the step and exit 75; --resume "
                "goes on bit for bit.");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
