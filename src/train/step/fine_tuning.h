// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "model/network/squeezenet.h"

namespace spinfill {

// Trains a network on rendered pictures: all of it at the learning rate, but of one on SqueezeNet's features
// (model/network/squeezenet.h) these at a third of it, their early layers not at all.
struct FineTuning {
  std::int64_t steps = 1500, batch = 32;  // batch: even
  double learning_rate = 1e-3;
};

// The mean loss of samples first … last − 1. Called on several threads at once.
using SampleLoss = std::function<at::Tensor(std::int64_t first, std::int64_t last)>;
using FineTuningProgress = std::function<void(std::int64_t step, double loss)>;

// By AdamW with warm-up and a cosine; the samples count from 0. Returns the steps made: fewer than asked for where a
// stop signal was heard by StopSignals (core/signals.h). The same samples and network give the same weights to the bit
// on any number of cores. Exit 3: a loss that is not finite.
std::int64_t fine_tune(const torch::nn::Module& network, const FineTuning& options, const SampleLoss& loss_of,
                       const FineTuningProgress& progress = {});

}  // namespace spinfill
