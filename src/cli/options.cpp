// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/format.h>

#include "infer/load_run.h"

namespace spinfill {

CLI::Option* add_device(CLI::App& app, std::string& device, const std::string& help) {
  return app.add_option("--device", device, help)->capture_default_str();
}

void add_run_choice(CLI::App& app, RunChoice& choice) {
  app.add_option("--checkpoint", choice.step, "Of a run: best (by validation), latest or a step's number")
      ->capture_default_str();
  add_choice(app, "--weights", choice.weights, "Of a run: ema or raw");
}

CLI::Option* add_replace(CLI::App& app, bool& replace) {
  return app.add_flag("--replace", replace, "Replace what this command wrote to --out before, and nothing else");
}

CLI::Option* add_overrides(CLI::App& app, std::vector<std::string>& texts, const std::string& example) {
  return app.add_option("--set", texts, "Override one key: --set " + example)->take_all();
}

std::vector<Override> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<Override> overrides;
  for (const std::string& text : texts) overrides.push_back(parse_override(text));
  return overrides;
}

void print_json(const Json& value, int indent) {
  fmt::print("{}\n", value.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace spinfill
