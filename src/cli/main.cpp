// SPDX-License-Identifier: Apache-2.0
#include <new>

#include "cli/command.h"
#include "cli/standard_output.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "version.h"  // made by cmake/version.cmake

using namespace spinfill;

namespace {

std::vector<Command> commands() {
  return {synth_command(),   data_command(),   train_command(),    evaluate_command(),
          compare_command(), export_command(), complete_command(), metrics_command(),
          bench_command(),   plan_command(),   inspect_command()};
}

int run(int argc, char** argv) {
  CLI::App app("Completes 360° vehicle spins: trains, scores, exports and runs a multi-view model.", "spinfill");
  app.set_version_flag("--version", std::string("spinfill ") + SPINFILL_VERSION);
  app.footer(
      "Exit codes: 0 done; 1 a check did not hold; 2 wrong usage or configuration; 3 runtime failure;\n"
      "75 stopped by a signal after saving (resume with --resume).");
  bool quiet = false;
  app.add_flag("-q,--quiet", quiet, "Only warnings, errors and results");
  const auto chosen = add_commands(app, commands());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fail_usage("{} (see spinfill --help)", error.what());
  }
  set_quiet(quiet);
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_output();
  try {
    return close_standard_output(run(argc, argv));
  } catch (const Error& error) {
    log_line(LogLevel::error, escaped(error.what()));
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    log_line(LogLevel::error, "out of memory; use a smaller batch or picture size");
  } catch (const std::exception& error) {
    // LibTorch's messages have a C++ stack trace after the first line.
    const std::string text = error.what();
    log_line(LogLevel::error, (standard_output_failed() ? "the results could not be printed to stdout: " : "") +
                                  escaped(text.substr(0, text.find('\n'))));
  }
  return static_cast<int>(ExitCode::runtime);
}
