// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "data/config.h"
#include "metrics/config.h"
#include "model/config.h"
#include "model/denoiser/loss.h"
#include "model/device.h"
#include "model/distillation/distillation.h"
#include "model/network/lora.h"
#include "model/sampling/sampler.h"

namespace spinfill {

struct OptimizerConfig {
  double learning_rate = 1e-3;
  std::int64_t warmup_steps = 50;
  double final_share = 0.02;
  double weight_decay = 0.01;
  double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8;
  double max_gradient_norm = 1.0;
  void bind(Fields& f);
};

// The type in which the network's products are computed.
enum class Precision { fp32, bf16 };
template <>
inline constexpr Named<Precision> kNamesOf<Precision>[] = {{Precision::fp32, "fp32"}, {Precision::bf16, "bf16"}};

c10::ScalarType dtype_of(Precision precision);

// What a training step minimises: the error of denoised pictures (LossOptions), or the distance of few steps from those
// of a trained teacher (DistillConfig).
enum class Objective { denoise, distill };
template <>
inline constexpr Named<Objective> kNamesOf<Objective>[] = {{Objective::denoise, "denoise"},
                                                           {Objective::distill, "distill"}};

// A training that no longer improves ends before its last step.
struct EarlyStopConfig {
  std::int64_t patience = 0;  // validations in a row without improvement; 0: never
  double min_delta = 0;       // dB of validation PSNR that count as an improvement
  void bind(Fields& f);
};

// How a run trains. Steps are optimiser steps throughout.
struct TrainConfig {
  Objective objective = Objective::denoise;
  std::int64_t steps = 1000;
  std::int64_t batch_sets = 8;
  std::int64_t micro_batch_sets = 8;
  double regression_share = 1.0;
  double ema_decay = 0.999;
  std::int64_t checkpoint_every = 200;
  std::int64_t keep_last = 2;
  std::int64_t keep_every = 0;
  std::int64_t validate_every = 200;
  std::int64_t validation_sets = 16;
  std::int64_t sample_grids = 3;
  std::int64_t log_every = 10;
  std::int64_t max_skipped_steps = 10;
  std::int64_t max_failed_saves = 3;
  double join_timeout = 600;  // seconds
  double rank_timeout = 300;  // seconds
  DeviceChoice device = DeviceChoice::automatic;
  std::int64_t threads = 0;
  bool channels_last = false;
  bool shard_optimizer = false;
  Precision precision = Precision::fp32;
  bool gradient_checkpointing = false;
  bool cuda_graphs = false;
  std::string init_from;
  LoraConfig lora;
  std::vector<std::string> freeze;
  EarlyStopConfig early_stop;
  void bind(Fields& f);
};

// Everything a run depends on; stored in RUN/config.yaml. One description serves training, evaluation and export.
struct RunConfig {
  std::int64_t seed = 1;
  DataConfig data;
  ModelConfig model;
  LossOptions loss;
  DistillConfig distill;
  OptimizerConfig optimizer;
  TrainConfig train;
  SamplerConfig sampler;
  EvaluationConfig evaluation;
  void bind(Fields& f);

  bool distils() const { return train.objective == Objective::distill; }
};

// Checks patterns over the network's parts (train.freeze, train.lora), which bind() cannot know: call it after bind(),
// for a run that is to be made. Errors (exit 2) at their places: a pattern matches nothing; nothing is left to train.
void check_patterns(Fields& f, const RunConfig& config);

}  // namespace spinfill
