// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/print.h"
#include "metrics/comparison.h"

namespace spinfill {
namespace {

struct Options {
  std::string before, after, max_drop;
  bool allow_different_protocol = false, groups = false, json = false;
};

Json listed(const std::vector<std::string>& lines) {
  return lines.empty() ? Json::array() : Json(lines);
}

int compare(const Options& options) {
  std::optional<DropLimits> limits;
  if (!options.max_drop.empty()) limits = DropLimits::parse(options.max_drop);
  const Comparison result = compare_reports(read_json(options.before), options.before, read_json(options.after),
                                            options.after, limits, options.allow_different_protocol);
  const bool regressed = !result.regressions.empty() || (options.groups && !result.group_regressions.empty());
  if (options.json) {
    Json value;
    value["regressed"] = regressed;
    value["regressions"] = listed(result.regressions);
    value["group_regressions"] = listed(result.group_regressions);
    value["notes"] = listed(result.notes);
    print_json(value, 2);
  } else {
    print_lines(result.table);
    for (const std::string& note : result.notes) print_line("note: {}", note);
    for (const std::string& line : result.regressions) print_line("regression: {}", line);
    for (const std::string& line : result.group_regressions) print_line("group beyond the limit: {}", line);
    if (!regressed) print_line("no regression beyond the limits");
  }
  std::fflush(stdout);
  return static_cast<int>(regressed ? ExitCode::check_failed : ExitCode::done);
}

}  // namespace

Command compare_command() {
  return {"compare", "Compare two reports; exit 1 on a regression", [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("OLD", options->before, "metrics.json to compare with")->required();
            app.add_option("NEW", options->after, "metrics.json to judge")->required();
            app.add_option("--max-drop", options->max_drop,
                           "How much worse each metric may be overall, e.g. psnr=0.2,ssim=0.005,lpips=0.01 (the "
                           "default); also foreground_psnr and foreground_ssim. LPIPS may rise by that much");
            app.add_flag("--groups", options->groups, "Single groups (by missing count, case …) count as well");
            app.add_flag("--allow-different-protocol", options->allow_different_protocol,
                         "Compare although the two were not measured alike");
            app.add_flag("--json", options->json, "Print the verdict as JSON");
            return [options] { return compare(*options); };
          }};
}

}  // namespace spinfill
