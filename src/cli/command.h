// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace spinfill {

// A subcommand: add() declares its options on the parser it is given and returns what runs after parsing. Results go to
// stdout, messages to stderr; errors are thrown (core/error.h) and become one line and an exit code in main.
struct Command {
  const char* name;
  const char* help;
  std::function<std::function<int()>(CLI::App&)> add;
};

// The arguments that this process was started with, without the option `without` and its value.
std::vector<std::string> own_arguments(const std::string& without);

// Adds subcommands, of which one must be chosen; what is returned runs it.
std::function<int()> add_commands(CLI::App& app, const std::vector<Command>& commands);

// One per file of this folder: NAME.cpp defines Command NAME_command().
Command synth_command();
Command data_command();
Command train_command();
Command train_autoencoder_command();
Command evaluate_command();
Command compare_command();
Command export_command();
Command import_weights_command();
Command complete_command();
Command studio_command();
Command metrics_command();
Command bench_command();
Command plan_command();
Command inspect_command();
Command sample_command();
Command autoencode_command();

}  // namespace spinfill
