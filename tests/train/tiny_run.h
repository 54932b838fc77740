// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/files.h"
#include "metrics/run_config.h"

namespace spinfill::test {

// Small enough for a step in milliseconds; everything that the real one has.
inline RunConfig tiny_config(const fs::path& data) {
  RunConfig config;
  config.data.path = data.string();
  config.data.width = 24;
  config.data.height = 16;
  config.data.priors.grid = 16;
  config.model.block_out_channels = {16, 16};
  config.model.attention_levels = {0, 1};
  config.model.attention_heads = 2;
  config.model.cross_attention_dim = 16;
  config.model.norm_num_groups = 4;
  config.train.steps = 6;
  config.train.batch_sets = 2;
  config.train.micro_batch_sets = 2;
  config.train.regression_share = 0.5;
  config.train.checkpoint_every = 3;
  config.train.keep_last = 10;
  config.train.validate_every = 3;
  config.train.log_every = 1;
  config.train.sample_grids = 1;
  config.optimizer.warmup_steps = 1;
  return config;
}

}  // namespace spinfill::test
