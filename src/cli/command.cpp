// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <fstream>
#include <memory>

#include "core/error.h"
#include "core/text.h"

namespace spinfill {
namespace {

// An empty value comes from a shell variable that is not set, and is never meant. What JSON cannot hold would be found
// only when the results are written.
void check_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& value : option->results()) {
      if (value.empty()) fail_usage("{}: is empty: give a value, or leave it out", option->get_name());
      if (!is_utf8(value))
        fail_usage("{}: '{}' is not UTF-8: rename the file or folder", option->get_name(), escaped(value));
    }
  }
}

}  // namespace

std::vector<std::string> own_arguments(const std::string& without) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> all;
  for (std::string argument; std::getline(file, argument, '\0');) all.push_back(argument);
  if (all.empty()) fail("/proc/self/cmdline: cannot be read, so no process can be started with the same arguments");
  std::vector<std::string> arguments;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] == without)
      ++i;  // its value
    else if (!all[i].starts_with(without + "="))
      arguments.push_back(all[i]);
  }
  return arguments;
}

std::function<int()> add_commands(CLI::App& app, const std::vector<Command>& commands) {
  app.require_subcommand(1);
  const auto chosen = std::make_shared<std::function<int()>>();
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    sub->callback([chosen, sub, body = command.add(*sub)] {
      check_values(*sub);
      *chosen = body;
    });
  }
  return [chosen] { return (*chosen)(); };
}

}  // namespace spinfill
