// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/files/folder_lock.h"
#include "core/files/json.h"
#include "core/files/output_file.h"
#include "core/log.h"
#include "core/print.h"
#include "metrics/comparison.h"
#include "metrics/comparison_text.h"
#include "metrics/mlflow.h"
#include "metrics/nights.h"
#include "pages/comparison_page.h"
#include "pages/history_page.h"

namespace spinfill {
namespace {

struct Options {
  std::string before, after, max_drop, junit, html, history, mlflow;
  CompareOptions compare;
  bool json = false, markdown = false;
};

void print_for_people(const Comparison& result, bool regressed) {
  print_lines(comparison_table(result));
  for (const std::string& note : result.notes) print_line("note: {}", note);
  for (const std::string& line : result.regressions) print_line("regression: {}", line);
  for (const std::string& line : result.group_regressions) print_line("group beyond the limit: {}", line);
  if (!regressed) print_line("no regression beyond the limits");
}

fs::path history_page_in(const fs::path& folder) {
  return folder / "history.html";
}

void keep(const Nights& nights, const fs::path& folder) {
  const fs::path page = history_page_in(folder);
  write_nights(folder, nights);
  write_file_atomic(page, history_page(nights.nights));
  log_info("{}: {} night{}{}", page.string(), nights.nights.size(), nights.nights.size() > 1 ? "s" : "",
           nights.added ? "" : ", this one was the last");
}

int compare(Options options) {
  if (!options.max_drop.empty()) options.compare.limits = DropLimits::parse(options.max_drop);
  if (!options.junit.empty()) options.junit = check_output_file("--junit", options.junit, kJunitMark);
  if (!options.mlflow.empty()) options.mlflow = check_output_file("--mlflow", options.mlflow, kMlflowMark);
  if (!options.html.empty()) options.html = check_output_file("--html", options.html, kComparisonPageMark);
  const Json after = read_json(options.after);
  const Comparison result =
      compare_reports(read_json(options.before), options.before, after, options.after, options.compare);
  const bool regressed = !result.regressions.empty();
  std::optional<Nights> nights;    // refused, if they must be, before anything is written
  std::optional<FolderLock> lock;  // from reading the nights until they are written: two jobs may end at once
  if (!options.history.empty()) {
    make_folder(options.history);
    lock.emplace(options.history);
    const fs::path page = history_page_in(options.history);
    if (fs::exists(page)) check_output_file("--history", page, kHistoryPageMark);
    nights = with_night(options.history, after, options.after, result, utc_now());
  }
  if (!options.junit.empty()) {
    write_file_atomic(options.junit, comparison_junit(result));
    log_info("wrote {}", options.junit);
  }
  if (!options.mlflow.empty()) {
    write_json_atomic(options.mlflow,
                      mlflow_batch(result, after.value("model", Json()), std::chrono::system_clock::now()));
    log_info("wrote {}", options.mlflow);
  }
  if (!options.html.empty()) {
    const auto folder_of = [](const std::string& report) { return fs::path(report).parent_path(); };
    write_file_atomic(options.html, comparison_page(result, {folder_of(options.before), folder_of(options.after)}));
    log_info("wrote {}", options.html);
  }
  if (nights) keep(*nights, options.history);
  lock.reset();
  if (options.json) {
    print_json(comparison_to_json(result), 2);
  } else if (options.markdown) {
    print_lines(comparison_markdown(result));
  } else {
    print_for_people(result, regressed);
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
                           "default), or in one category, e.g. bus:psnr=0.4; any metric of metrics.json. LPIPS may "
                           "rise by that much. What is worse by more is a regression where the 95 % interval of the "
                           "difference, over vehicles, excludes zero");
            app.add_flag("--limits-alone", options->compare.limits_alone,
                         "Whatever is beyond its limit is a regression, certain or not");
            app.add_flag("--groups", options->compare.groups_count,
                         "Single groups (by missing count, case …) count as well");
            app.add_flag("--allow-different-protocol", options->compare.allow_different_protocol,
                         "Compare although the two were not measured alike");
            app.add_option("--html", options->html,
                           "Also write a page: which vehicles and views got worse or better, in colour, and with "
                           "pictures where both reports keep their predictions (evaluate --save-predictions)");
            app.add_option("--history", options->history,
                           "Also add NEW to the nights of this folder (nights.jsonl) and draw all of them "
                           "(history.html)");
            app.add_option("--mlflow", options->mlflow,
                           "Also write the differences and verdicts as MLflow's runs/log-batch takes them "
                           "(docs/nightly.md)");
            app.add_option("--junit", options->junit, "Also write JUnit XML: a test case for each limit");
            auto* markdown = app.add_flag("--markdown", options->markdown, "Print Markdown tables");
            app.add_flag("--json", options->json, "Print the verdicts as JSON")->excludes(markdown);
            return [options] { return compare(*options); };
          }};
}

}  // namespace spinfill
