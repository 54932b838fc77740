// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "run/run_config.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/checkpoints/checkpoint.h"
#include "train/step/set_up.h"
#include "train/step/step.h"
#include "train/trainer.h"

namespace spinfill::test {

// Small enough for a step in milliseconds, with everything that a real one has.
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

// A folder with six sets in `data`, and the results of the runs in it.
class TinyRuns : public ::testing::Test {
 protected:
  void SetUp() override { write_tiny_data_set(folder_ / "data", 6); }
  // By this process alone: a run, and a step.
  static TrainResult train(const RunConfig& config, const fs::path& run, bool resume) {
    Ranks alone;
    return spinfill::train(config, run, resume, alone);
  }
  static StepStatistics train_step(const Denoiser& denoiser, AdamW& optimizer, const std::vector<Batch>& micro_batches,
                                   const RunConfig& config, std::int64_t step) {
    Ranks alone;
    GradientExchange gradients(alone, {});
    return TrainingStep(denoiser, optimizer, config, alone, gradients).make(micro_batches, step);
  }
  Checkpoint last(const std::string& run) {
    auto found = newest_valid_checkpoint(folder_ / run);
    if (!found) fail("no checkpoint in {}", run);
    return std::move(*found);
  }
  static void expect_equal(const TensorMap& a, const TensorMap& b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
  }
  // As if killed after step 3 was saved and step 4 logged.
  void expect_resuming_changes_nothing(const RunConfig& config) {
    train(config, folder_ / "whole", false);
    train(config, folder_ / "cut", false);
    fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6");
    train(config, folder_ / "cut", true);
    const Checkpoint whole = last("whole"), cut = last("cut");
    ASSERT_EQ(cut.step, 6);
    expect_equal(whole.weights, cut.weights);
    expect_equal(whole.ema, cut.ema);
    expect_equal(whole.optimizer, cut.optimizer);
    EXPECT_EQ(whole.progress, cut.progress);
  }
  TemporaryFolder folder_;
};

}  // namespace spinfill::test
