// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "metrics/run_config.h"

namespace spinfill {

struct TrainResult {
  std::int64_t step = 0;  // optimiser steps made
  bool stopped = false;   // by SIGINT or SIGTERM, after saving
};

// Trains in RUN: config.yaml, metrics.jsonl, samples/, checkpoints/. The same seed, configuration and data give the
// same weights, whatever was interrupted and resumed in between.
// Errors: exit 2 when RUN holds a run and `resume` is not given, or holds none and it is; exit 3 when data cannot be
// read, the disk is full, or too many steps in a row were not finite.
TrainResult train(const RunConfig& config, const std::filesystem::path& run, bool resume);

}  // namespace spinfill
