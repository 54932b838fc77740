// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/ATen.h>

#include "support/support.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

using test::tiny_config;

class Trainer : public test::TinyRuns {};

TEST_F(Trainer, WritesARunThatExplainsItself) {
  const RunConfig config = tiny_config(folder_ / "data");
  const TrainResult result = train(config, folder_ / "run", false);
  EXPECT_EQ(result.step, 6);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(to_json(load_config<RunConfig>(folder_ / "run" / "config.yaml")), to_json(config));
  std::vector<std::int64_t> validated, logged;
  std::istringstream lines(read_file(folder_ / "run" / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Json row = parse_json(line, "metrics.jsonl");
    if (row.contains("validation")) {
      validated.push_back(row.at("step"));
      EXPECT_TRUE(row.at("validation").at("psnr").is_number());
      EXPECT_EQ(row.at("weights"), "ema");
    } else {
      logged.push_back(row.at("step"));
      EXPECT_GT(row.at("loss").get<double>(), 0);
      EXPECT_GT(row.at("views_per_second").get<double>(), 0);
    }
  }
  EXPECT_EQ(validated, (std::vector<std::int64_t>{0, 3, 6}));
  EXPECT_EQ(logged, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(fs::exists(folder_ / "run" / "samples" / "step-0000006-0.png"));
}

TEST_F(Trainer, GradientCheckpointingChangesNoBitOfARun) {
  RunConfig config = tiny_config(folder_ / "data");
  train(config, folder_ / "plain", false);
  config.train.gradient_checkpointing = true;
  train(config, folder_ / "frugal", false);
  expect_equal(last("plain").weights, last("frugal").weights);
  expect_equal(last("plain").optimizer, last("frugal").optimizer);
}

// The weights stay float32; the run differs from that in fp32, and resumes bit for bit.
TEST_F(Trainer, Bf16RunsAreResumedBitIdentical) {
  RunConfig config = tiny_config(folder_ / "data");
  train(config, folder_ / "plain", false);
  config.train.precision = Precision::bf16;
  train(config, folder_ / "whole", false);
  EXPECT_FALSE(
      at::equal(last("plain").weights.at("unet.conv_in.weight"), last("whole").weights.at("unet.conv_in.weight")));
  for (const auto& [name, tensor] : last("whole").weights) EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
  train(config, folder_ / "cut", false);
  fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6");
  train(config, folder_ / "cut", true);
  expect_equal(last("whole").weights, last("cut").weights);
  expect_equal(last("whole").ema, last("cut").ema);
  config.train.precision = Precision::fp32;
  test::expect_error(ExitCode::usage, {"train.precision"}, [&] { train(config, folder_ / "cut", true); });
}

TEST_F(Trainer, ResumedRunIsBitIdentical) {
  expect_resuming_changes_nothing(tiny_config(folder_ / "data"));
}

// Another machine has other cores, and may keep pictures on disk: the batches are the same.
TEST_F(Trainer, HowBatchesArePreparedMayChangeOnResuming) {
  RunConfig config = tiny_config(folder_ / "data");
  train(config, folder_ / "whole", false);
  train(config, folder_ / "cut", false);
  fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6");
  config.data.loader = {.threads = 2, .prefetch = 1, .cache_mib = 0, .cache_folder = (folder_ / "kept").string()};
  train(config, folder_ / "cut", true);
  expect_equal(last("whole").weights, last("cut").weights);
  EXPECT_FALSE(fs::is_empty(folder_ / "kept"));
}

TEST_F(Trainer, LpipsInTheLossNeedsWeights) {
  RunConfig config = tiny_config(folder_ / "data");
  config.loss.lpips = 1;
  config.train.regression_share = 0;
  const char* given = std::getenv("SPINFILL_LPIPS_WEIGHTS");
  const std::string kept = given == nullptr ? "" : given;
  unsetenv("SPINFILL_LPIPS_WEIGHTS");
  test::expect_error(ExitCode::usage, {"loss.lpips", "SPINFILL_LPIPS_WEIGHTS"},
                     [&] { train(config, folder_ / "run", false); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));  // so that the same command works once they are named
  if (given != nullptr) setenv("SPINFILL_LPIPS_WEIGHTS", kept.c_str(), 1);
}

TEST_F(Trainer, RefusesToMixRuns) {
  RunConfig config = tiny_config(folder_ / "data");
  test::expect_error(ExitCode::usage, {"no run to resume"}, [&] { train(config, folder_ / "run", true); });
  config.train.steps = 1;
  train(config, folder_ / "run", false);
  test::expect_error(ExitCode::usage, {"holds a run already", "--resume"},
                     [&] { train(config, folder_ / "run", false); });
  config.optimizer.learning_rate = 0.5;
  test::expect_error(ExitCode::usage, {"optimizer.learning_rate"}, [&] { train(config, folder_ / "run", true); });
}

}  // namespace
}  // namespace spinfill
