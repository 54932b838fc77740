// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/data/data.h"
#include "cli/options.h"
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
  std::vector<std::string> data;
  std::string backdrops, features, from, out, notice;
  AzimuthTraining training;
  bool json = false, replace = false;
};

DataSet sets_of(const std::vector<std::string>& folders, const std::string& split) {
  DataSet all;
  for (const std::string& folder : folders) {
    const DataSet one = open_data_set(folder, split);
    all = all.size() == 0 ? one : joined(all, one);
  }
  return all;
}

// The network that the training begins with, and what it comes from.
AzimuthModel beginning(const Options& options) {
  if (options.features.empty() == options.from.empty())
    fail_usage("data train-azimuth: give --features FILE to begin with, or --from MODEL to go on");
  if (!options.from.empty()) return load_azimuth_model(options.from);
  AzimuthModel model;
  model.network = azimuth_network_on_features(options.features, options.training.seed);
  model.training = {{"features", {{"sha256", sha256_file(options.features)}}}};
  return model;
}

int train(const Options& options) {
  OutputFolder output{
      options.out, "data train-azimuth", options.replace, {options.backdrops, options.features, options.from}};
  for (const std::string& folder : options.data) output.inputs.emplace_back(folder);
  check_output_folder(output);
  AzimuthModel model = beginning(options);
  const std::vector<cv::Mat> places = read_backdrops(options.backdrops);
  const AzimuthSamples samples(sets_of(options.data, "train"), places, options.training.seed);
  const AzimuthSamples validation(sets_of(options.data, "val"), places, options.training.seed);
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
  if (!options.notice.empty()) model.training["notice"] = options.notice;
  write_azimuth_model(model, folder.path());
  folder.commit();
  if (options.json) {
    print_json({{"out", options.out}, {"temperature", model.temperature}, {"validation", to_json(score)}}, 1);
  } else {
    print_line(
        "{}: {} validation views, median error {:.1f} degrees, {:.1f} % within 22.5, {:.1f} % off by more than 30",
        options.out, validation.views(), score.median_deg, 100 * score.right, 100 * score.far_off);
  }
  return 0;
}

}  // namespace

Command data_train_azimuth_command() {
  return {
      "train-azimuth", "Trains the network that tells from which direction a vehicle is photographed",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("data", options->data, "Data sets of cut-out vehicles with true azimuths (spinfill synth)")
            ->required();
        app.add_option("--backdrops", options->backdrops, "Folder of .hdr pictures: the places behind the vehicles")
            ->required();
        app.add_option("--features", options->features,
                       "Features to begin with: a SqueezeNet 1.1 of torchvision or lpips, as safetensors");
        app.add_option("--from", options->from, "Go on from an earlier model instead");
        app.add_option("--out", options->out, "Folder of the model: weights.safetensors, manifest.json")->required();
        app.add_option("--steps", options->training.steps, "Optimiser steps")
            ->check(CLI::Range(1, 1000000))
            ->capture_default_str();
        app.add_option("--batch", options->training.batch, "Windows per step, an even number")
            ->check(CLI::Range(2, 1024))
            ->capture_default_str();
        app.add_option("--learning-rate", options->training.learning_rate, "Peak, of the head; features a third")
            ->check(CLI::Range(1e-7, 1.0))
            ->capture_default_str();
        app.add_option("--seed", options->training.seed, "Of the head's weights and of all samples")
            ->capture_default_str();
        app.add_option("--notice", options->notice, "Licences of what it was trained on and from, for the manifest");
        add_replace(app, options->replace);
        app.add_flag("--json", options->json, "Result as JSON on stdout");
        return [options] {
          if (options->training.batch % 2 != 0) fail_usage("data train-azimuth: --batch must be even");
          return train(*options);
        };
      }};
}

}  // namespace spinfill
