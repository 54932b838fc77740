// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "train/autoencoder/config.h"

namespace spinfill {

struct AutoencoderResult {
  std::int64_t step = 0;  // optimiser steps made
  bool stopped = false;   // by a signal, after saving
};

// Trains an autoencoder in RUN: config.yaml, metrics.jsonl, samples/, checkpoints/, and at the end the result
// (train/autoencoder/result.h). The same seed, configuration and data give the same weights, whatever was interrupted
// and resumed in between. `version` of the program is noted in the result.
// Errors: exit 2 when RUN holds a run and `resume` is not given, or holds none and it is, or another process trains in
// it; weights of other sizes than the configuration's; LPIPS in the loss without its weights. Exit 3 when data cannot
// be read, the disk is full, or too many steps in a row were not finite.
AutoencoderResult train_autoencoder(const AutoencoderRunConfig& config, const std::filesystem::path& run, bool resume,
                                    const std::string& version);

}  // namespace spinfill
