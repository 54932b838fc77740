// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "data/batches/picture_crops.h"
#include "metrics/lpips.h"
#include "model/autoencoder/loss.h"
#include "model/config.h"
#include "model/device.h"
#include "run/run_config.h"

namespace spinfill {

// Which autoencoder: that of a file, whose sizes must be those named here, or one with random weights of these sizes.
struct AutoencoderModelConfig {
  AutoencoderKind autoencoder = AutoencoderKind::tiny;
  std::string autoencoder_from;
  std::int64_t autoencoder_channels = 4, autoencoder_factor = 8;
  // Of random weights alone.
  std::vector<std::int64_t> block_out_channels;  // of each level, finest first; empty: the usual ones
  std::int64_t norm_num_groups = 32;             // kl
  void bind(Fields& f);
  AutoencoderArchitecture architecture() const;  // of random weights
};

// Which of the weights become the result.
enum class AutoencoderChoice { last, best };
template <>
inline constexpr Named<AutoencoderChoice> kNamesOf<AutoencoderChoice>[] = {{AutoencoderChoice::last, "last"},
                                                                           {AutoencoderChoice::best, "best"}};

struct AutoencoderTrainConfig {
  AutoencoderPart part = AutoencoderPart::decoder;
  std::int64_t steps = 2000;
  std::int64_t batch_pictures = 8, micro_batch_pictures = 4;
  double ema_decay = 0.999;
  AutoencoderChoice result = AutoencoderChoice::last;
  std::int64_t checkpoint_every = 200, keep_last = 2, keep_every = 0;
  std::int64_t validate_every = 200, validation_sets = 16, sample_pictures = 6, log_every = 10;
  std::int64_t max_skipped_steps = 10, max_failed_saves = 3;
  DeviceChoice device = DeviceChoice::automatic;
  std::int64_t threads = 0;
  void bind(Fields& f);
  std::int64_t micro_batches() const { return batch_pictures / micro_batch_pictures; }
};

struct AutoencoderEvaluationConfig {
  LpipsConfig lpips;
  void bind(Fields& f);
};

// Everything that the training of an autoencoder depends on; stored in RUN/config.yaml.
struct AutoencoderRunConfig {
  AutoencoderRunConfig();
  std::int64_t seed = 1;
  CropConfig data;
  AutoencoderModelConfig model;
  AutoencoderLossOptions loss;
  OptimizerConfig optimizer;
  AutoencoderTrainConfig train;
  AutoencoderEvaluationConfig evaluation;
  void bind(Fields& f);
};

}  // namespace spinfill
