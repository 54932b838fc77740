// SPDX-License-Identifier: Apache-2.0
#include "run/check_sizes.h"

#include "core/error.h"
#include "data/sets/categories.h"

namespace spinfill {

void check_sizes(Fields& f, const RunConfig& config) {
  const DataConfig& data = config.data;
  const ModelConfig& model = config.model;
  const auto multiple = [&](const char* key, std::int64_t size) {
    f.require_at(key, size % model.latent_factor() == 0,
                 fmt::format("is {}, but must be a multiple of model.{} ({})", size,
                             model.in_pixels() ? "pixel_factor" : "autoencoder_factor", model.latent_factor()));
  };
  multiple("data.width", data.width);
  multiple("data.height", data.height);
  const auto known = static_cast<std::int64_t>(kCategories.size());
  f.require_at("model.categories", !model.use_category || model.categories >= known,
               fmt::format("is {}, but data sets have {} known categories: give at least as many, or switch "
                           "model.use_category off",
                           model.categories, known));
  std::string problem;
  try {
    noise_schedule(model, config.sampler);
  } catch (const Error& error) {
    problem = error.what();
  }
  f.require_at("sampler", problem.empty(), "makes no schedule with model.sigma_min and model.sigma_max: " + problem);
}

}  // namespace spinfill
