// SPDX-License-Identifier: Apache-2.0
#include "cli/data/network_training.h"

#include "core/error.h"

namespace spinfill {

OutputFolder NetworkTraining::output() const {
  OutputFolder folder{out, command, replace, {backdrops, from}};
  for (const std::string& one : data) folder.inputs.emplace_back(one);
  return folder;
}

void add_network_training(CLI::App& app, NetworkTraining& training, FineTuning& options, std::uint64_t& seed) {
  app.add_option("data", training.data, "Data sets of cut-out vehicles (spinfill synth), with splits train and val")
      ->required();
  app.add_option("--backdrops", training.backdrops, "Folder of .hdr pictures: the places behind the vehicles")
      ->required();
  app.add_option("--out", training.out, "Folder of the model: weights.safetensors, manifest.json")->required();
  app.add_option("--steps", options.steps, "Optimiser steps")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--batch", options.batch, "Samples per step, an even number")
      ->check(CLI::Range(2, 1024))
      ->capture_default_str();
  app.add_option("--learning-rate", options.learning_rate, "Peak; of SqueezeNet's features a third")
      ->check(CLI::Range(1e-7, 1.0))
      ->capture_default_str();
  app.add_option("--seed", seed, "Of all samples, and of weights that begin at random")->capture_default_str();
  app.add_option("--notice", training.notice, "Licences of what it was trained on and from, for the manifest");
  add_replace(app, training.replace);
  app.add_flag("--json", training.json, "Result as JSON on stdout");
}

void check_network_training(const NetworkTraining& training, const FineTuning& options) {
  if (options.batch % 2 != 0) fail_usage("{}: --batch must be even", training.command);
}

}  // namespace spinfill
