// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "infer/loaded_model.h"

namespace spinfill::test {

// 48×32 px, a few thousand weights.
RunConfig small_config();

// Random weights, those that start at zero included, so that the output depends on all of them. `loudness` scales the
// last convolution: 0 leaves the best prior image as the output, as before any training.
LoadedModel small_model(std::uint64_t seed = 1, double loudness = 0.02, std::int64_t categories = 7);
// The same of another configuration.
LoadedModel small_model_of(const RunConfig& config, std::uint64_t seed = 1, double loudness = 0.02);
// small_config() with model.output sources.
RunConfig small_sources_config();

// RUN as a training leaves it, with checkpoints of these steps; step s has the weights of small_model(s), and its EMA
// those of small_model(s + 1000). state.json of each names `best_step`.
void write_small_run(const std::filesystem::path& run, const std::vector<std::int64_t>& steps, std::int64_t best_step);

bool equal_weights(const Denoiser& a, const Denoiser& b);

}  // namespace spinfill::test
