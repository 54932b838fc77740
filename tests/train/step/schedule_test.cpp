// SPDX-License-Identifier: Apache-2.0
#include "train/step/schedule.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(LearningRate, WarmsUpThenFollowsACosine) {
  OptimizerConfig config;
  config.learning_rate = 2;
  config.warmup_steps = 3;
  config.final_share = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 103), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2, 103), 1.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 3, 103), 2.0);
  EXPECT_NEAR(learning_rate_at(config, 53, 103), 2 * (0.1 + 0.9 * 0.5), 1e-12);
  EXPECT_NEAR(learning_rate_at(config, 103, 103), 0.2, 1e-12);
  EXPECT_NEAR(learning_rate_at(config, 1000, 103), 0.2, 1e-12);
}

TEST(Ema, ForgetsTheFirstStepsSooner) {
  EXPECT_DOUBLE_EQ(ema_decay_at(0.999, 0), 0.1);
  EXPECT_DOUBLE_EQ(ema_decay_at(0.999, 1'000'000), 0.999);
}

}  // namespace
}  // namespace spinfill
