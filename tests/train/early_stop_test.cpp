// SPDX-License-Identifier: Apache-2.0
#include "train/early_stop.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(EarlyStop, CountsValidationsWithoutImprovement) {
  EarlyStopConfig config;
  config.patience = 2;
  config.min_delta = 0.1;
  EarlyStop stop(config);
  stop.update(30, 0);  // before step 1
  stop.update(20, 10);
  EXPECT_EQ(stop.stale(), 0);
  stop.update(20.05, 20);
  EXPECT_FALSE(stop.ended());
  EarlyStop resumed(config, stop.validations());
  for (EarlyStop* one : {&stop, &resumed}) {
    one->update(20.11, 30);  // over 20, not over 20.05, by more than 0.1
    EXPECT_EQ(one->stale(), 0);
    one->update(20.11, 40);
    one->update(19, 50);
    EXPECT_TRUE(one->ended());
  }
  const EarlyStop off({}, stop.validations());
  EXPECT_FALSE(off.ended());
}

}  // namespace
}  // namespace spinfill
