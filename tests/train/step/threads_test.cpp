// SPDX-License-Identifier: Apache-2.0
#include "train/step/threads.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(ComputeThreads, LeaveTheLoaderItsCores) {
  RunConfig config;
  config.data.loader.threads = 2;
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 8), 6);
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 2), 1);
  config.train.threads = 5;
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 2), 5);
}

TEST(MicroBatchesAtOnce, AsManyAsThereAreThreads) {
  RunConfig config;
  EXPECT_EQ(micro_batches_at_once(config.train, 8, 2), 2);
  EXPECT_EQ(micro_batches_at_once(config.train, 2, 4), 2);
  config.train.threads = 3;
  EXPECT_EQ(micro_batches_at_once(config.train, 8, 4), 3);
  EXPECT_EQ(micro_batches_at_once(config.train, 8, 1), 1);
}

}  // namespace
}  // namespace spinfill
