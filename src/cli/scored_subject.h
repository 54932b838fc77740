// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "infer/load_model.h"
#include "metrics/photo/photo_evaluation.h"
#include "metrics/protocol_file.h"
#include "run/run_config.h"

namespace spinfill {

// What `spinfill evaluate` was asked for.
struct EvaluateArguments {
  std::string model, data, split = "test", out, device = "auto", lpips_weights, solver, config, protocol;
  std::optional<ProtocolFile> stated;  // by --protocol
  std::vector<std::string> set;
  RunChoice choice;
  Precision precision = Precision::fp32;
  std::vector<std::int64_t> given;
  std::int64_t steps = 0, seed = 0, samples = 1, limit = 0, grids = 4, subsets = 0;
  int processes = 0;
  bool json = false, replace = false, save_predictions = false, mlflow = false;
  ScoredAt at = ScoredAt::model;
  Links links = Links::stay_inside;
};

// What is scored: a model with its own configuration, or a baseline with that of --config or the defaults.
struct Subject {
  RunConfig config;
  Predictors samples;  // one for each seed
  std::vector<PhotoPredictor> photo_samples;
  Predictor oracle = {};  // of a latent model: the true pictures through its autoencoder alone
  Json description;
};
bool is_baseline(const std::string& model);  // "baseline:NAME"
// Exit 2: options that do not go with it. Exit 3: a model that cannot be loaded.
Subject open_subject(const EvaluateArguments& arguments, at::Device device);

}  // namespace spinfill
