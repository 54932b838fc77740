// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/distillation/distillation.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"
#include "train/step/gradient_exchange.h"
#include "train/step/optimizer.h"
#include "train/step/recorded_pass.h"

namespace spinfill {

struct StepStatistics {               // over all ranks, and the same on each
  double loss = 0;                    // weighted error (squared or pseudo-Huber) per target value
  double squared_error = 0;           // unweighted, per target value, in latents of [−1,1]
  double gradient_norm = 0;           // before clipping
  std::int64_t values = 0;            // target values
  bool finite = true;                 // false: nothing was changed
  std::int64_t views = 0;             // this rank's targets
  std::vector<std::string> vehicles;  // this rank's
  std::vector<std::string> suspects;  // if not finite: those of them in micro-batches whose own loss was not
};

// A rank's share of a step's micro-batches, taken one by one where they are used one by one.
struct MicroBatches {
  std::int64_t count;
  std::function<Batch()> next;
  MicroBatches(std::int64_t count, std::function<Batch()> next);
  MicroBatches(std::vector<Batch> batches);
};

// Optimiser steps over a rank's micro-batches. Gradients are added up over all ranks and divided by the number of
// target values in all of them, so that a split over micro-batches or ranks changes the result by rounding alone.
// Everything passed in must outlive it.
class TrainingStep {
 public:
  // With a `recording` forward and backward are recorded by it and replayed; with a `teacher` the denoiser learns from
  // it.
  TrainingStep(const Denoiser& denoiser, AdamW& optimizer, const RunConfig& config, Ranks& ranks,
               GradientExchange& gradients, PerceptualDistance perceptual = {}, const MakeRecording& recording = {},
               const Teacher* teacher = nullptr);

  // Step `step`, from 0. The micro-batches are on the denoiser's device, with priors (train/step/device_feed.h).
  StepStatistics make(const MicroBatches& micro_batches, std::int64_t step);

 private:
  struct Passed;
  // Forward and backward, the gradients added up over all ranks.
  Passed pass_over(const MicroBatches& micro_batches, const LossOptions& options);

  const Denoiser& denoiser_;
  AdamW& optimizer_;
  const RunConfig& config_;
  Ranks& ranks_;
  GradientExchange& gradients_;
  PerceptualDistance perceptual_;
  const Teacher* teacher_;
  std::optional<RecordedPasses> recorded_;
};

}  // namespace spinfill
