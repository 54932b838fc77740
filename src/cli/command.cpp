// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <memory>

namespace spinfill {

std::function<int()> add_commands(CLI::App& app, const std::vector<Command>& commands) {
  app.require_subcommand(1);
  const auto chosen = std::make_shared<std::function<int()>>();
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    sub->callback([chosen, body = command.add(*sub)] { *chosen = body; });
  }
  return [chosen] { return (*chosen)(); };
}

}  // namespace spinfill
