// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/statistics.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_folders.h"
#include "data/spins/hold_out.h"
#include "data/spins/stabilise.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder, out;
  PhotographChoice photographs;
  int hold_out = 0;
  bool json = false, replace = false, replace_cameras = false;
};

// The folder itself, which may hold pictures alone, or each set of a data set.
std::vector<fs::path> folders_of_sets(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail_usage("{}: there is no such folder", folder.string());
  const std::vector<fs::path> sets = set_folder_or_folders(folder);
  if (sets.empty()) return {folder};
  if (!has_transforms(folder)) tell_other_folders(folder);
  return sets;
}

ViewSet read_uncalibrated(const fs::path& folder, const PhotographOptions& how, bool replace_cameras) {
  const ViewSet set = read_photographs(folder, how);
  if (!replace_cameras && states_own_cameras(set)) {
    fail_usage("{}: its transforms.json states cameras already: keep them, or give --replace-cameras", folder.string());
  }
  return as_photographed(set);
}

Json report(const ViewSet& set, const Stabilisation& result, bool as_json) {
  if (!as_json) {
    print_line("{}: {}, elevation {:.1f} degrees, distance {:.2f} lengths, residual {:.4f} lengths, confidence {:.2f}",
               set.id, result.hand_held ? "hand-held" : "studio", result.elevation_deg, result.distance, result.miss,
               result.confidence);
    for (const auto* list : {&result.warnings, &result.notes})
      for (const std::string& note : *list) print_line("  {}", note);
  }
  Json row = to_json(result);
  row["id"] = set.id;
  return row;
}

int stabilise_sets(const Options& options) {
  const PhotographOptions how = options.photographs.options();
  const std::vector<fs::path> sets = folders_of_sets(options.folder);
  std::optional<AtomicFolder> target;
  if (!options.out.empty()) {
    // It may not overlap the input: a copy inside what is copied would never end.
    target.emplace(OutputFolder{options.out, "data stabilise", options.replace, {options.folder}});
    try {
      fs::copy(options.folder, target->path(), fs::copy_options::recursive);
    } catch (const fs::filesystem_error& error) {
      fail("{}: cannot be copied: {}{}", error.path1().string(), error.code().message(), why_absent(error.path1()));
    }
  }
  Progress progress("stabilise", static_cast<std::int64_t>(sets.size()), "sets");
  Json all = Json::array();
  // An estimate keeps two processors busy.
  const auto at_once = static_cast<std::size_t>(std::max(1, processors() / 2));
  for (std::size_t first = 0; first < sets.size(); first += at_once) {
    std::vector<ViewSet> group;
    for (std::size_t i = first; i < std::min(first + at_once, sets.size()); ++i)
      group.push_back(read_uncalibrated(sets[i], how, options.replace_cameras));
    const auto results = side_by_side(group.size(), [&](std::size_t i) { return stabilise_set(group[i]); });
    for (std::size_t i = 0; i < group.size(); ++i) {
      const fs::path& folder = sets[first + i];
      write_stabilised(group[i], results[i], target ? target->path() / fs::relative(folder, options.folder) : folder);
      all.push_back(report(group[i], results[i], options.json));
    }
    progress.update(static_cast<std::int64_t>(first + group.size()));
  }
  if (target) target->commit();
  if (options.json) print_json(all.size() == 1 ? all[0] : Json{{"sets", all}}, 1);
  return 0;
}

// Overlaps are printed with four decimals.
double printed(double overlap) {
  return rounded(overlap, 4);
}

// Of all left-out views of all sets.
struct LeftOutScores {
  std::vector<double> after, photographed, before;
};

// Scores one set, adds to `scores` and prints a line per view unless as JSON; its part of the JSON.
Json score_set(const ViewSet& set, int left_out, bool as_json, LeftOutScores& scores) {
  std::optional<Progress> progress;
  const auto views = hold_out(set, left_out, Turntable{}, [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace(set.id, total, "choices");
    progress->update(done);
  });
  Json row = {{"id", set.id}, {"hold_out", left_out}};
  std::vector<double> references;
  for (const HeldOutView& view : views) {
    scores.after.push_back(view.agreement.iou);
    scores.photographed.push_back(view.agreement.as_photographed);
    scores.before.push_back(view.before.iou);
    references.push_back(view.references);
    row["held_out_iou"].push_back(printed(view.agreement.iou));
    row["held_out_iou_as_photographed"].push_back(printed(view.agreement.as_photographed));
    row["held_out_iou_before"].push_back(printed(view.before.iou));
    row["azimuth_deg"].push_back(view.azimuth_deg);
    row["left_out_deg"].push_back(view.left_out_deg);
    if (!as_json) {
      print_line("{} without {}: IoU at {:g} degrees {:.3f} (as photographed {:.3f}, canonical turntable {:.3f})",
                 set.id, fmt::join(view.left_out_deg, ", "), view.azimuth_deg, view.agreement.iou,
                 view.agreement.as_photographed, view.before.iou);
    }
  }
  row["reference_iou"] = printed(mean(references));
  return row;
}

int score_left_out(const Options& options) {
  if (!options.out.empty()) fail_usage("--hold-out scores and writes nothing: leave out --out");
  const PhotographOptions how = options.photographs.options();
  Json all = Json::array();
  LeftOutScores scores;
  for (const fs::path& folder : folders_of_sets(options.folder))
    all.push_back(score_set(read_uncalibrated(folder, how, true), options.hold_out, options.json, scores));
  const double after = mean(scores.after), photographed = mean(scores.photographed), before = mean(scores.before);
  if (options.json) {
    Json out = all.size() == 1 ? all[0] : Json{{"sets", all}};
    out["mean"] = {{"held_out_iou", printed(after)},
                   {"held_out_iou_as_photographed", printed(photographed)},
                   {"held_out_iou_before", printed(before)}};
    print_json(out, 1);
  } else {
    print_line("{} left-out views: mean IoU {:.3f}, as photographed {:.3f}, canonical turntable {:.3f}",
               scores.after.size(), after, photographed, before);
  }
  return 0;
}

}  // namespace

Command data_stabilise_command() {
  return {"stabilise", "Estimates the cameras of photographed sets from masks and rough azimuths, and writes them",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("folder", options->folder,
                           "A view set, a folder of pictures named by azimuth, or a data set")
                ->required();
            app.add_option("--out", options->out, "Write a copy there instead of changing transforms.json in place");
            app.add_option("--hold-out", options->hold_out,
                           "Only score: leave so many views out in turn and compare the others' hull with their masks")
                ->check(CLI::Range(1, 7));
            add_photographs(app, options->photographs);
            app.add_flag("--replace-cameras", options->replace_cameras, "Replace cameras that the sets state already");
            add_replace(app, options->replace);
            app.add_flag("--json", options->json, "Result as JSON on stdout");
            return [options] { return options->hold_out > 0 ? score_left_out(*options) : stabilise_sets(*options); };
          }};
}

}  // namespace spinfill
