// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/training_run.h"
#include "core/config/config.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/print.h"
#include "core/signals.h"
#include "infer/load_model.h"
#include "run/run_kind.h"
#include "run/run_paths.h"
#include "train/ranks/spawn.h"
#include "train/trainer.h"

namespace spinfill {
namespace {

// Seconds that the others get after a process of --nproc-per-node failed: they notice at once, or fail with it.
constexpr double kGrace = 30;

struct TrainArguments {
  std::string config, out;
  std::vector<std::string> set;
  bool resume = false, auto_resume = false, print_config = false;
  int processes = 0;
};

bool goes_on(const TrainArguments& arguments) {
  return arguments.resume || (arguments.auto_resume && is_run(arguments.out));
}

// What each process of --nproc-per-node is started with.
std::vector<std::string> command_line(const TrainArguments& arguments, bool quiet) {
  std::vector<std::string> line;
  if (quiet) line.emplace_back("--quiet");
  line.insert(line.end(), {"train", "--out", arguments.out});
  if (!arguments.config.empty()) line.insert(line.end(), {"--config", arguments.config});
  for (const std::string& text : arguments.set) line.insert(line.end(), {"--set", text});
  if (goes_on(arguments)) line.emplace_back("--resume");
  return line;
}

TeacherModel read_teacher(const fs::path& folder) {
  const LoadedModel model = load_model(folder);
  const AutoencoderFile* autoencoder = model.denoiser.autoencoder().file();
  return {model.config.model, model.denoiser.state(), autoencoder != nullptr ? autoencoder->content_hash() : "",
          model.identity ? model.identity->fingerprint() : ""};
}

int run(const TrainArguments& arguments) {
  // Until the process ends: a late signal changes no exit code.
  StopSignals::will("ending before the first step");
  [[maybe_unused]] static const auto& signals = *new StopSignals;
  const fs::path stored = run_config_path(arguments.out);
  const bool resumes = goes_on(arguments) && !arguments.out.empty();
  if (arguments.resume && arguments.auto_resume) fail_usage("train: give --resume or --auto-resume, not both");
  if (arguments.config.empty() && !resumes) fail_usage("train: --config FILE is needed (see configs/default.yaml)");
  if (resumes && !fs::exists(stored)) {
    fail_usage("{}: there is no run to resume here; leave --resume out to start one", arguments.out);
  }
  if (resumes) require_kind(arguments.out, RunKind::model);
  const fs::path source = arguments.config.empty() ? stored : fs::path(arguments.config);
  const RunConfig config = load_run_to_make(source, arguments.set);
  if (arguments.print_config) {
    print_lines(to_yaml(config));
    return 0;
  }
  if (arguments.out.empty()) fail_usage("train: --out RUN is needed");
  if (arguments.processes > 0)
    return spawn_ranks(arguments.processes, command_line(arguments, quiet()),
                       std::min(config.train.rank_timeout, kGrace));
  const RankPlace place = rank_place(process_environment());
  TrainResult result;
  try {
    as_one_rank(place, config.train, fs::absolute(arguments.out).lexically_normal().string(),
                [&](Ranks& ranks) { result = train(config, arguments.out, resumes, ranks, read_teacher); });
  } catch (const Stopped&) {
    if (place.rank == 0) leave_to_start(config, arguments.out);
    result.stopped = true;
  }
  return static_cast<int>(result.stopped ? ExitCode::resume : ExitCode::done);
}

}  // namespace

Command train_command() {
  return {"train", "Train a model on eight-view vehicle sets", [](CLI::App& app) {
            auto arguments = std::make_shared<TrainArguments>();
            app.add_option("--config", arguments->config, "YAML file; --print-config lists every key");
            add_overrides(app, arguments->set, "train.steps=500");
            app.add_option("--out", arguments->out,
                           "Run folder: config.yaml, metrics.jsonl, TensorBoard events, samples/, checkpoints/");
            app.add_flag("--resume", arguments->resume,
                         "Go on from the newest valid checkpoint of --out; an error if there is none");
            app.add_flag("--auto-resume", arguments->auto_resume,
                         "For launchers that repeat the same command: go on where --out holds a run, else start one");
            app.add_option("--nproc-per-node", arguments->processes,
                           "Start so many processes on this machine, one per GPU, that train together")
                ->check(CLI::Range(1, 1024));
            app.add_flag("--print-config", arguments->print_config, "Print the effective configuration and stop");
            app.footer(
                "SIGINT, SIGTERM, SIGHUP, SIGUSR1 and the like save a checkpoint after the step and exit 75, however "
                "often they\n"
                "come; --resume goes on bit for bit. Only a second SIGINT, a second or more after the first, ends at "
                "once.\n"
                "Under torchrun --no-python, srun, mpirun or a Kubernetes operator the processes find each other by\n"
                "the environment: docs/cluster.md.");
            return [arguments] { return run(*arguments); };
          }};
}

}  // namespace spinfill
