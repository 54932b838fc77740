// SPDX-License-Identifier: Apache-2.0
#include "train/step/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace spinfill {
namespace {

using testing::HasSubstr;

TEST(ComputeThreads, LeaveTheLoaderItsCores) {
  RunConfig config;
  config.data.loader.threads = 2;
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 8), 6);
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 2), 1);
  config.train.threads = 5;
  EXPECT_EQ(compute_threads(config.train, config.data.loader, 2), 5);
}

TEST(TooFewCores, NamesWhoAsks) {
  const auto text = [](const RunConfig& config, int cores, double allowed) {
    return too_few_cores(config.train, config.data.loader, cores, allowed);
  };
  for (const char* name : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"}) unsetenv(name);
  RunConfig config;
  EXPECT_EQ(text(config, 8, 8), "");
  EXPECT_EQ(text(config, 1, 1), "");
  EXPECT_THAT(text(config, 64, 1.5),
              HasSubstr("64 threads are asked for (as the machine has cores), but this process may use 1.5"));
  config.train.threads = 3;
  EXPECT_THAT(text(config, 2, 2), HasSubstr("3 threads are asked for (train.threads)"));
  EXPECT_EQ(text(config, 64, 4), "");
  config.data.loader.threads = 8;
  EXPECT_THAT(text(config, 64, 4), HasSubstr("data.loader.threads"));
  setenv("SLURM_CPUS_PER_TASK", "12", 1);  // a job's script sets it; its steps have one core unless they ask again
  EXPECT_THAT(text(config, 64, 1), HasSubstr("12 threads are asked for (SLURM_CPUS_PER_TASK)"));
  unsetenv("SLURM_CPUS_PER_TASK");
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
