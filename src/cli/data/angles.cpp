// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "core/statistics.h"
#include "data/walkaround/masked_photographs.h"
#include "data/walkaround/vehicle_look.h"
#include "metrics/azimuth_scores.h"
#include "model/azimuth/azimuth_model.h"
#include "model/azimuth/azimuth_set.h"

namespace spinfill {
namespace {

struct Options {
  std::vector<std::string> folders;
  std::string segmenter, model, truth;
  Links links = Links::stay_inside;
  bool alone = false, json = false;
};

struct Angles {
  Json rows = Json::array();
  std::vector<ScoredAzimuth> scored;
};

void tell(const std::string& name, const AzimuthEstimate& estimate, Json& rows, bool as_json) {
  if (!as_json) print_line("{}: {:.0f} degrees, confidence {:.2f}", name, estimate.azimuth_deg, estimate.confidence);
  rows.push_back({{"file", name},
                  {"azimuth_deg", rounded(estimate.azimuth_deg, 1)},
                  {"confidence", rounded(estimate.confidence, 3)}});
}

// The photographs of one folder.
struct Folder {
  std::vector<std::string> names;
  std::vector<PhotographOfSet> set;
  std::vector<std::optional<double>> truth_deg;
};

std::vector<AzimuthEstimate> estimates_of(const Folder& folder, bool alone) {
  if (!alone) return consistent_azimuths(folder.set);
  std::vector<AzimuthEstimate> out;
  for (const PhotographOfSet& one : folder.set) out.push_back(estimate_of(one.shares));
  return out;
}

Angles angles_of(const Options& options, const AzimuthModel& model, const std::map<fs::path, double>& truth) {
  LazySegmenter segmenter(options.segmenter);
  std::vector<Photographs> all;
  std::int64_t count = 0, done = 0;
  for (const std::string& folder : options.folders) {
    all.push_back(list_photographs(folder, options.links));
    count += std::ssize(all.back().files);
  }
  Progress progress("angles", count, "photographs");
  Angles out;
  for (const Photographs& photographs : all) {
    // Names are relative to the folder; of several folders, with it.
    const auto name = [&](const std::string& file) {
      return all.size() == 1 ? file : (photographs.folder / file).string();
    };
    Folder folder;
    const auto left_out = each_masked(photographs, segmenter, [&](const MaskedPhotograph& one) {
      progress.update(++done);
      const MaskProblem problem = mask_problem(one.mask);
      if (!problem.what.empty()) log_warning("{}: {}", name(one.file), problem.what);
      if (!problem.usable) return;
      folder.names.push_back(name(one.file));
      folder.set.push_back({azimuth_shares(model, one.rgb, one.mask.alpha), vehicle_look(one.rgb, one.mask.alpha)});
      const auto found = truth.find(fs::weakly_canonical(photographs.folder / one.file));
      folder.truth_deg.push_back(found == truth.end() ? std::nullopt : std::optional(found->second));
    });
    for (const LeftOut& file : left_out) log_warning("{}: {}", name(file.file), file.why);
    const std::vector<AzimuthEstimate> estimates = estimates_of(folder, options.alone);
    for (std::size_t i = 0; i < estimates.size(); ++i) {
      tell(folder.names[i], estimates[i], out.rows, options.json);
      if (folder.truth_deg[i]) out.scored.push_back({estimates[i], *folder.truth_deg[i]});
    }
  }
  return out;
}

int angles(const Options& options) {
  const AzimuthModel model = load_azimuth_model(azimuth_model_folder(options.model));
  std::map<fs::path, double> truth;
  if (!options.truth.empty()) truth = read_true_azimuths(options.truth);
  const Angles found = angles_of(options, model, truth);
  if (found.rows.empty()) fail("no photograph shows a vehicle that can be told");
  if (options.truth.empty()) {
    if (options.json) print_json(found.rows, 1);
    return 0;
  }
  if (found.scored.empty()) fail_usage("{}: names none of these photographs", options.truth);
  const AzimuthScores scores = azimuth_scores(found.scored);
  if (options.json) {
    print_json({{"photographs", found.rows}, {"scores", to_json(scores)}}, 1);
    return 0;
  }
  print_line(
      "{} photographs: median error {:.1f} degrees, {:.1f} % off by more than 30, {:.1f} % of eight views right, "
      "{:.1f} % of sides wrong, calibration error {:.3f}",
      scores.count, scores.median_deg, 100 * scores.far_off, 100 * scores.eight_way, 100 * scores.sides,
      scores.calibration_error);
  return 0;
}

}  // namespace

Command data_angles_command() {
  return {"angles", "Tells from which direction each photograph of a folder shows the vehicle, and how sure that is",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("folders", options->folders,
                           "Photographs as they come: JPEG, PNG or WebP of any name; cut out (alpha) or not")
                ->required();
            add_follow_links(app, options->links);
            add_segmenter(app, options->segmenter);
            add_azimuth_model(app, options->model);
            app.add_flag("--alone", options->alone,
                         "Each photograph by itself: a folder holds different vehicles; by default it shows one, and "
                         "its photographs' azimuths are made consistent");
            app.add_option("--truth", options->truth,
                           "Score against a table, parted by tabs, with columns file and azimuth_deg");
            app.add_flag("--json", options->json,
                         "[{file, azimuth_deg, confidence}]; with --truth an object with scores");
            return [options] { return angles(*options); };
          }};
}

}  // namespace spinfill
