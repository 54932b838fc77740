// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "data/sets/slots.h"
#include "data/sets/view_set.h"
#include "geometry/angles.h"
#include "infer/import/import_sets.h"

namespace spinfill {
namespace {

struct Options {
  ImportOptions import;
  std::vector<std::string> sources;
  std::string out;
  bool json = false;
};

void print_set(const ImportedSet& set) {
  std::string how;
  if (!set.front.is_null()) {
    how = "front by " + set.front["from"].get<std::string>();
    if (set.front["from"] == "azimuth network")
      how += fmt::format(", confidence {:.2f}", set.front["confidence"].get<double>());
    if (set.front.contains("symmetry_deg"))
      how +=
          fmt::format(", turned by {:.1f} degrees to the plane of symmetry", set.front["symmetry_deg"].get<double>());
  } else {
    how = fmt::format("stabilised, confidence {:.2f}", set.stabilisation["confidence"].get<double>());
  }
  std::vector<double> used;
  Slots shown;
  for (const double azimuth : set.report.used_deg()) {
    used.push_back(wrapped_deg(std::round(azimuth)));
    shown.set(static_cast<std::size_t>(nearest_slot(azimuth)));
  }
  std::ranges::sort(used);
  std::vector<int> missing;
  for (int slot = 0; slot < kSlots; ++slot)
    if (!shown[static_cast<std::size_t>(slot)]) missing.push_back(azimuth_of(slot));
  print_line("{}: {} of {} pictures of {} ({:g} degrees{}); {}", set.id, used.size(),
             set.report.photographs.size() + set.report.left_out.size(), set.kind, fmt::join(used, ", "),
             missing.empty() ? "" : fmt::format("; no view at {}", fmt::join(missing, ", ")), how);
  for (const DataProblem& problem : set.problems) log_warning("{}", to_line(problem));
}

int run_import(Options& options) {
  ImportOptions& how = options.import;
  if (!how.category.empty() && !is_valid_category(how.category))
    fail_usage("--category {}: use lower-case letters, digits, '-' and '_', such as sedan", how.category);
  how.sources.assign(options.sources.begin(), options.sources.end());
  how.out = options.out;
  std::optional<Progress> progress;
  std::string shown;
  how.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    if (shown != what) progress.emplace(what, total, "photographs");
    shown = what;
    progress->update(done);
  };
  const Import imported = import_sets(how);
  progress.reset();
  if (options.json) print_json(to_json(imported), 1);
  for (const ImportedSet& set : imported.sets)
    if (!options.json && set.refused.empty()) print_set(set);
  if (imported.refused() == 0) return 0;
  fail_check("{} of {} sources could not be imported; the other sets are in {}", imported.refused(),
             imported.sets.size(), options.out);
}

}  // namespace

Command data_import_command() {
  return {
      "import", "Makes view sets of photographs as they come, and of folders of nerfstudio, instant-ngp and COLMAP",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        ImportOptions& how = options->import;
        app.add_option("sources", options->sources,
                       "One for each vehicle: a folder of photographs as they come, or one with a transforms.json of "
                       "nerfstudio or instant-ngp or a model of COLMAP (sparse/0 beside images/); also such a file or "
                       "model folder itself")
            ->required();
        app.add_option("--out", options->out, "Folder to make: a set for each source, named like its folder")
            ->required();
        app.add_option("--front", how.front_deg,
                       "With cameras: the azimuth at which the first listed picture shows the vehicle (0 front, 90 "
                       "its left side; COLMAP's by name); by default as azimuth_deg states, else the azimuth network "
                       "finds it")
            ->type_name("DEGREES")
            ->check(CLI::Range(-360.0, 360.0));
        add_choice(
            app, "--up", how.up,
            "With cameras: which axis of their world points up: auto (told by the cameras), x, -x, y, -y, z, -z");
        app.add_option("--least-views", how.least_views,
                       "Refuse a source where fewer of the primary views can be made out")
            ->check(CLI::Range(1, 8))
            ->capture_default_str();
        app.add_option("--category", how.category, "Written into each set: sedan, suv, …");
        app.add_option("--source", how.source, "Written into each set: where its pictures are from");
        app.add_option("--licence", how.licence, "Written into each set");
        add_follow_links(app, how.links);
        add_order(app, how.order);
        add_segmenter(app, how.segmenter);
        add_azimuth_model(app, how.azimuth_model);
        add_replace(app, how.replace);
        app.add_flag("--json", options->json, "Result as JSON on stdout: sets with what became of every picture");
        app.footer(
            "Every picture is used or named with the reason. Exits 1 where some sources could not be imported; the "
            "other sets are written.");
        return [options] { return run_import(*options); };
      }};
}

}  // namespace spinfill
