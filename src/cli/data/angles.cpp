// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
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
#include "metrics/azimuth_scores.h"
#include "model/azimuth/azimuth_model.h"
#include "model/azimuth/photograph_exam.h"
#include "model/segmenter/segmenter_model.h"

namespace spinfill {
namespace {

struct Options {
  std::vector<std::string> folders;
  std::string segmenter, model, truth;
  Links links = Links::stay_inside;
  OrderUse order = OrderUse::automatic;
  bool alone = false, json = false;
};

struct Angles {
  Json rows = Json::array();
  std::vector<ScoredAzimuth> scored;
};

void tell(const std::string& name, const Examined& one, ShootingOrder order, Json& rows, bool as_json) {
  Json row = {{"file", name},
              {"azimuth_deg", Json()},
              {"confidence", 0},
              {"verdict", name_of(one.usable.verdict)},
              {"reason", one.usable.trouble == Trouble::none ? Json() : Json(name_of(one.usable.trouble))},
              {"why", one.usable.what},
              {"order", name_of(order)}};
  if (one.azimuth) {
    row["azimuth_deg"] = rounded(one.azimuth->azimuth_deg, 1);
    row["confidence"] = rounded(one.azimuth->confidence, 3);
  }
  rows.push_back(std::move(row));
  if (as_json) return;
  const std::string where =
      one.azimuth ? fmt::format("{:.0f} degrees, confidence {:.2f}", one.azimuth->azimuth_deg, one.azimuth->confidence)
                  : std::string("no azimuth");
  const std::string verdict =
      one.usable.trouble == Trouble::none
          ? std::string()
          : fmt::format("; {} ({}): {}", name_of(one.usable.verdict), name_of(one.usable.trouble), one.usable.what);
  print_line("{}: {}{}", name, where, verdict);
}

Angles angles_of(const Options& options, const AzimuthModel& model, const std::map<fs::path, double>& truth) {
  LazySegmenter segmenter = lazy_segmenter(options.segmenter);
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
    PhotographExam exam(model, options.order, options.alone);
    const auto left_out = each_masked(photographs, segmenter, [&](const MaskedPhotograph& one) {
      progress.update(++done);
      exam.look(one);
    });
    for (const LeftOut& file : left_out) log_warning("{}: {}", name(file.file), file.why);
    const ExamResult result = exam.judge();
    if (result.order != ShootingOrder::untold)
      log_info("{}: {}", photographs.folder.string(), told_in_words(result.order));
    for (const Examined& one : result.photographs) {
      tell(name(one.file), one, result.order, out.rows, options.json);
      const auto found = truth.find(fs::weakly_canonical(photographs.folder / one.file));
      if (one.azimuth && found != truth.end()) out.scored.push_back({*one.azimuth, found->second});
    }
  }
  return out;
}

int angles(const Options& options) {
  const AzimuthModel model = load_azimuth_model(azimuth_model_folder(options.model));
  std::map<fs::path, double> truth;
  if (!options.truth.empty()) truth = read_true_azimuths(options.truth);
  const Angles found = angles_of(options, model, truth);
  const auto has_azimuth = [](const Json& row) { return !row["azimuth_deg"].is_null(); };
  if (std::ranges::none_of(found.rows, has_azimuth)) fail("no photograph shows a vehicle that can be told");
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
            app.add_option(
                   "folders", options->folders,
                   "Photographs as they come: JPEG, HEIC, AVIF, PNG or WebP of any name; cut out (alpha) or not")
                ->required();
            add_follow_links(app, options->links);
            add_segmenter(app, options->segmenter);
            add_azimuth_model(app, options->model);
            app.add_flag("--alone", options->alone,
                         "Each photograph by itself: a folder holds different vehicles; by default it shows one, and "
                         "its photographs' azimuths are made consistent");
            add_order(app, options->order);
            app.add_option("--truth", options->truth,
                           "Score against a table, parted by tabs, with columns file and azimuth_deg");
            app.add_flag(
                "--json", options->json,
                "[{file, azimuth_deg, confidence, verdict, reason, why, order}]; with --truth an object with scores");
            return [options] { return angles(*options); };
          }};
}

}  // namespace spinfill
