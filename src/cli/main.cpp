// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <new>
#include <optional>
#include <string>

#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/standard_output.h"
#include "core/error.h"
#include "core/log.h"
#include "core/signals.h"
#include "version.h"  // made by cmake/version.cmake

using namespace spinfill;

namespace {

std::vector<Command> commands() {
  return {synth_command(),    data_command(),           train_command(),   train_autoencoder_command(),
          evaluate_command(), compare_command(),        export_command(),  complete_command(),
          sample_command(),   import_weights_command(), studio_command(),  metrics_command(),
          bench_command(),    plan_command(),           inspect_command(), autoencode_command()};
}

// LibTorch's initialisers take longer than most of what comes before the work: a stop signal meanwhile waits for it.
void block_stop_signals(int, char**, char**) {
  const sigset_t stop = StopSignals::set();
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_initialisers)(int, char**,
                                                                                char**) = block_stop_signals;

int run(int argc, char** argv) {
  CLI::App app("Completes 360° vehicle spins: trains, scores, exports and runs a multi-view model.", "spinfill");
  app.set_version_flag("--version", std::string("spinfill ") + SPINFILL_VERSION);
  app.footer(
      "Exit codes: 0 done; 1 a check did not hold; 2 wrong usage or configuration; 3 runtime failure, or\n"
      "stopped by a signal with nothing written; 75 stopped by a signal after saving (train --resume, evaluate "
      "again).");
  bool quiet = false;
  app.add_flag("-q,--quiet", quiet, "Only warnings, errors and results");
  const auto chosen = add_commands(app, commands());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::string command = "spinfill";
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      command += " " + at->get_name();
    }
    // CLI11 lists what is left over from its end.
    const bool left_over = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    fail_usage("{} (see {} --help)",
               left_over ? fmt::format("not expected: {}", fmt::join(app.remaining(true), " ")) : error.what(),
               command);
  }
  set_quiet(quiet);
  // Training saves first.
  if (!app.got_subcommand("train") && !app.got_subcommand("train-autoencoder")) SignalWatch::begin();
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_output();
  std::optional<SignalWatch> signals(std::in_place);
  std::string problem;
  int code = static_cast<int>(ExitCode::runtime);
  try {
    code = close_standard_output(run(argc, argv));
  } catch (const Error& error) {
    problem = error.what();
    code = static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    problem = "out of memory; use a smaller batch or picture size";
  } catch (const std::exception& error) {
    // LibTorch's messages have a C++ stack trace after the first line.
    problem = error.what();
    problem.erase(std::min(problem.find('\n'), problem.size()));
    if (standard_output_failed()) problem = "the results could not be printed to stdout: " + problem;
  }
  signals.reset();  // does not return where a signal ends the process, whatever that made of the work
  if (!problem.empty()) log_line(LogLevel::error, problem);
  return code;
}
