// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"
#include "train/step/optimizer.h"
#include "train/step/recorded_pass.h"

namespace spinfill {

// Threads of tensor operations: train.threads, or one per core less those of the loader, at least one. One thread too
// many makes OpenMP's threads wait for each other, and a step can take tens of times as long.
int compute_threads(const RunConfig& config, int cores);
void set_compute_threads(const RunConfig& config);

// On the processor a step's micro-batches, and the batches of validation, run side by side, as many as train.threads or
// the cores allow, with one thread each for tensor operations. The result does not depend on how many do.
std::int64_t micro_batches_at_once(const RunConfig& config, int cores, std::int64_t micro_batches);

// Micro-batches of a step that each of `world` processes makes. They must be able to share them evenly (else exit 2).
std::int64_t accumulation_of(const TrainConfig& config, int world);

// Whether ranks may add up gradients while backward runs: where a sample may have no reference, the network's share for
// references may have no gradient. Recorded passes do it behind the last one.
bool exchanges_while_backward(const RunConfig& config);

// What is minimised at a step: regression first, then as the configuration's `loss` says.
LossOptions loss_options_at(const RunConfig& config, std::int64_t step);

struct StepStatistics {               // over all ranks, and the same on each
  double loss = 0;                    // weighted error (squared or pseudo-Huber) per target value
  double squared_error = 0;           // unweighted, per target value, in latents of [−1,1]
  double gradient_norm = 0;           // before clipping
  std::int64_t values = 0;            // target values
  bool finite = true;                 // false: nothing was changed
  std::int64_t views = 0;             // this rank's targets
  std::vector<std::string> vehicles;  // this rank's
  std::vector<std::string> suspects;  // where not finite: of its vehicles those of micro-batches whose loss was not
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
// Everything named must outlive it.
class TrainingStep {
 public:
  // With a `recording` forward and backward are recorded by it and replayed.
  TrainingStep(const Denoiser& denoiser, AdamW& optimizer, const RunConfig& config, Ranks& ranks,
               GradientExchange& gradients, PerceptualDistance perceptual = {}, const MakeRecording& recording = {});

  // The step-th, from 0. The micro-batches are on the denoiser's device, with priors (train/step/device_feed.h).
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
  std::optional<RecordedPasses> recorded_;
};

// One step of a process alone.
StepStatistics train_step(const Denoiser& denoiser, AdamW& optimizer, const std::vector<Batch>& micro_batches,
                          const RunConfig& config, std::int64_t step, const PerceptualDistance& perceptual = {});

// How the denoiser computes, as train.channels_last, train.precision and train.gradient_checkpointing say.
void set_up_for_training(Denoiser& denoiser, const TrainConfig& config);

// LPIPS where loss.lpips asks for it, else nothing. No weights: an error (exit 2).
PerceptualDistance perceptual_distance(const RunConfig& config, at::Device device);

std::vector<NamedParameter> named_parameters(const Denoiser& denoiser);  // those that are trained

// CUDA graphs where train.cuda_graphs asks for them, else empty. Errors: see train/step/cuda_graph.h.
MakeRecording recording_of(const TrainConfig& config, at::Device device);

// Adapters and frozen parts, as train.lora and train.freeze say. Behind loading the weights to begin with.
void choose_trained(Denoiser& denoiser, const RunConfig& config);

}  // namespace spinfill
