// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/data/data.h"
#include "cli/data/network_training.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/sha256.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "core/signals.h"
#include "core/statistics.h"
#include "data/open_data_set.h"
#include "data/pictures/backdrop.h"
#include "train/segmenter/segmenter_trainer.h"

namespace spinfill {
namespace {

constexpr std::int64_t kLookedAtMeanwhile = 96;  // validation pictures while it trains; at the end one for each view
constexpr const char* kAtAStop = "writing the model as it is after this step";

struct Options {
  NetworkTraining given{"data train-segmenter"};
  SegmenterTraining training{{600, 8, 2e-4}};
  std::uint64_t seed = 0;
  std::int64_t validate_every = 250;
};

// The network that the training begins with, and what it comes from.
SegmenterModel beginning(const std::filesystem::path& from) {
  if (from == kGrabCut) fail_usage("data train-segmenter --from: GrabCut is no network");
  if (std::filesystem::is_directory(from)) return load_segmenter_model(from);
  SegmenterModel model;
  model.network = segmenter_network_of_onnx(from);
  model.training = {{"from", {{"sha256", sha256_file(from)}}}};
  return model;
}

std::string in_words(const SegmenterScores& scores) {
  return fmt::format(
      "IoU {:.3f} in the median, {:.3f} in the mean, worst {:.3f}, of {} pictures; {:.2f} % of {} without "
      "a vehicle is taken for one",
      scores.median, scores.mean, scores.worst, scores.count, 100 * scores.seen_in_empty, scores.empty);
}

int train_on(const Options& options) {
  const NetworkTraining& given = options.given;
  check_network_training(given, options.training);
  const OutputFolder output = given.output();
  check_output_folder(output);
  SegmenterModel model = beginning(segmenter_file(given.from));
  const std::vector<cv::Mat> places = read_backdrops(given.backdrops);
  const SegmenterSamples samples(open_data_sets(given.data, "train"), places, options.seed);
  const SegmenterSamples validation(open_data_sets(given.data, "val"), places, options.seed);
  if (samples.views() == 0 || validation.views() == 0) fail_usage("{}: no views in train or in val", given.command);
  log_info("{} views to train on, {} to validate", samples.views(), validation.views());
  AtomicFolder folder(output);
  // From here on a stop signal ends the training, not the process: what was learned is written.
  StopSignals::will(kAtAStop);
  [[maybe_unused]] static const auto& signals = *new StopSignals;
  std::optional<Progress> progress;
  progress.emplace("train-segmenter", options.training.steps, "steps");
  double mean_loss = 0;
  Json meanwhile = Json::array();
  const std::int64_t made = train_segmenter(model, samples, options.training, [&](std::int64_t step, double loss) {
    StopSignals::will(kAtAStop);  // from here on the next one is under way
    mean_loss = step == 1 ? loss : 0.98 * mean_loss + 0.02 * loss;
    progress->update(step, fmt::format("loss {:.3f}", mean_loss));
    if (options.validate_every == 0 || step % options.validate_every != 0 || step == options.training.steps) return;
    const auto scores = segmenter_scores(model, validation, std::min(validation.views(), kLookedAtMeanwhile));
    log_info("step {}: {}", step, in_words(scores));
    meanwhile.push_back({{"step", step}, {"loss", rounded(mean_loss, 4)}, {"validation", to_json(scores)}});
  });
  progress.reset();
  const bool stopped = made < options.training.steps;
  if (made == 0) throw Stopped();
  const SegmenterScores scores = segmenter_scores(model, validation, validation.views());
  model.training["rounds"].push_back({{"views", samples.views()},
                                      {"steps", made},
                                      {"of_steps", options.training.steps},
                                      {"batch", options.training.batch},
                                      {"learning_rate", options.training.learning_rate},
                                      {"precision", name_of(options.training.precision)},
                                      {"seed", options.seed},
                                      {"meanwhile", meanwhile},
                                      {"validation", to_json(scores)}});
  if (!given.notice.empty()) model.training["notice"] = given.notice;
  write_segmenter_model(model, folder.path());
  folder.commit();
  if (stopped)
    log_info("stopped by {} after step {} of {}; --from {} goes on with its weights", StopSignals::name(), made,
             options.training.steps, given.out);
  if (given.json) {
    print_json({{"out", given.out}, {"steps", made}, {"validation", to_json(scores)}}, 1);
  } else {
    print_line("{}: {}", given.out, in_words(scores));
  }
  return static_cast<int>(stopped ? ExitCode::resume : ExitCode::done);
}

}  // namespace

Command data_train_segmenter_command() {
  return {"train-segmenter", "Trains a network that tells the vehicle of a photograph from its background",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            add_network_training(app, options->given, options->training, options->seed);
            app.add_option("--from", options->given.from,
                           "Model to begin with: a U-2-Net small as ONNX, or an earlier model's folder (default: the "
                           "one that the photo commands use)");
            add_precision(app, options->training.precision);
            app.add_option("--validate-every", options->validate_every,
                           "Steps between scores on the validation sets; 0: only at the end")
                ->check(CLI::Range(0, 1000000))
                ->capture_default_str();
            app.footer(
                "A stop signal ends the training after the step: the model is written as it is, and the exit code is "
                "75.");
            return [options] { return train_on(*options); };
          }};
}

}  // namespace spinfill
