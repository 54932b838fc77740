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
#include "data/open_data_set.h"
#include "data/pictures/backdrop.h"
#include "train/azimuth/azimuth_trainer.h"

namespace spinfill {
namespace {

struct Options {
  NetworkTraining given{"data train-azimuth"};
  AzimuthTraining training;
  std::string features;
};

// The network that the training begins with, and what it comes from.
AzimuthModel beginning(const Options& options) {
  if (!options.given.from.empty()) return load_azimuth_model(options.given.from);
  AzimuthModel model;
  model.network = azimuth_network_on_features(options.features, options.training.seed);
  model.training = {{"features", {{"sha256", sha256_file(options.features)}}}};
  return model;
}

int train_on(const Options& options) {
  const NetworkTraining& given = options.given;
  check_network_training(given, options.training);
  if (options.features.empty() == given.from.empty())
    fail_usage("{}: give --features FILE to begin with, or --from MODEL to go on", given.command);
  OutputFolder output = given.output();
  output.inputs.emplace_back(options.features);
  check_output_folder(output);
  AzimuthModel model = beginning(options);
  const std::vector<cv::Mat> places = read_backdrops(given.backdrops);
  const AzimuthSamples samples(open_data_sets(given.data, "train"), places, options.training.seed);
  const AzimuthSamples validation(open_data_sets(given.data, "val"), places, options.training.seed);
  if (samples.views() == 0 || validation.views() == 0) fail_usage("data train-azimuth: no views in train or in val");
  log_info("{} views to train on, {} to validate", samples.views(), validation.views());
  AtomicFolder folder(output);
  std::optional<Progress> progress;
  progress.emplace("train-azimuth", options.training.steps, "steps");
  double mean_loss = 0;
  const AzimuthScores score =
      train_azimuth(model, samples, validation, options.training, [&](std::int64_t step, double loss) {
        mean_loss = step == 1 ? loss : 0.98 * mean_loss + 0.02 * loss;
        progress->update(step, fmt::format("loss {:.3f}", mean_loss));
      });
  progress.reset();
  Json round = {{"views", samples.views()},        {"steps", options.training.steps},
                {"batch", options.training.batch}, {"learning_rate", options.training.learning_rate},
                {"seed", options.training.seed},   {"validation", to_json(score)}};
  model.training["rounds"].push_back(std::move(round));
  if (!given.notice.empty()) model.training["notice"] = given.notice;
  write_azimuth_model(model, folder.path());
  folder.commit();
  if (given.json) {
    print_json({{"out", given.out}, {"temperature", model.temperature}, {"validation", to_json(score)}}, 1);
  } else {
    print_line(
        "{}: {} validation views, median error {:.1f} degrees, {:.1f} % within 22.5, {:.1f} % off by more than 30",
        given.out, validation.views(), score.median_deg, 100 * score.right, 100 * score.far_off);
  }
  return 0;
}

}  // namespace

Command data_train_azimuth_command() {
  return {"train-azimuth", "Trains the network that tells from which direction a vehicle is photographed",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            add_network_training(app, options->given, options->training, options->training.seed);
            app.add_option("--features", options->features,
                           "Features to begin with: a SqueezeNet 1.1 of torchvision or lpips, as safetensors");
            app.add_option("--from", options->given.from, "Go on from an earlier model instead");
            return [options] { return train_on(*options); };
          }};
}

}  // namespace spinfill
