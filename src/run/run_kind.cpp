// SPDX-License-Identifier: Apache-2.0
#include "run/run_kind.h"

#include <algorithm>
#include <array>

#include "core/config/stated_keys.h"
#include "core/error.h"
#include "core/files/files.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

constexpr std::array kOfAutoencoders = {"data.crop", "train.part", "train.batch_pictures",
                                        "train.micro_batch_pictures"};
constexpr std::array kOfModels = {"data.width",   "data.priors",      "model.preset",
                                  "model.output", "train.batch_sets", "train.micro_batch_sets",
                                  "sampler"};

}  // namespace

std::optional<RunKind> kind_of_config(const std::string& yaml, const std::string& where) {
  const auto states = [&](const char* key) { return states_key(yaml, where, key); };
  const bool autoencoder = std::ranges::any_of(kOfAutoencoders, states), model = std::ranges::any_of(kOfModels, states);
  if (autoencoder == model) return std::nullopt;
  return autoencoder ? RunKind::autoencoder : RunKind::model;
}

void require_config_kind(const std::string& yaml, const fs::path& file, RunKind wanted) {
  if (kind_of_config(yaml, file.string()).value_or(wanted) == wanted) return;
  if (wanted == RunKind::model)
    fail_usage("{}: configures the training of an autoencoder, not of a model: spinfill train-autoencoder takes it",
               file.string());
  fail_usage("{}: configures the training of a model, not of an autoencoder: spinfill train takes it", file.string());
}

void require_kind(const fs::path& run, RunKind wanted) {
  const fs::path config = run_config_path(run);  // it states every key
  if (kind_of_config(read_file(config, 1 << 20), config.string()).value_or(wanted) == wanted) return;
  if (wanted == RunKind::model)
    fail_usage(
        "{}: is the run of an autoencoder, not of a model: spinfill train-autoencoder --resume --out {} goes on with "
        "it, and a model takes its autoencoder.safetensors as model.autoencoder_from",
        run.string(), run.string());
  fail_usage("{}: is the run of a model, not of an autoencoder: spinfill train --resume --out {} goes on with it",
             run.string(), run.string());
}

}  // namespace spinfill
