// SPDX-License-Identifier: Apache-2.0
#include "infer/load_run.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "core/files/sha256.h"
#include "infer/load_model.h"
#include "infer/small_model.h"
#include "support/support.h"

namespace spinfill {
namespace {

TEST(LoadRun, TakesTheChosenStepAndWeights) {
  const test::TemporaryFolder folder;
  test::write_small_run(folder / "run", {10, 20, 30}, 20);
  EXPECT_TRUE(test::equal_weights(load_run(folder / "run").denoiser, test::small_model(1020).denoiser));
  EXPECT_TRUE(test::equal_weights(load_run(folder / "run", {"latest", RunWeights::raw}).denoiser,
                                  test::small_model(30).denoiser));
  const LoadedModel chosen = load_model(folder / "run", {"10", RunWeights::ema});
  EXPECT_TRUE(test::equal_weights(chosen.denoiser, test::small_model(1010).denoiser));
  EXPECT_EQ(chosen.provenance["step"], 10);
  EXPECT_EQ(chosen.provenance["weights"], "ema");
  EXPECT_EQ(chosen.provenance["data_set"], "tiny-vehicles");
  EXPECT_EQ(chosen.provenance["weights_sha256"], sha256_file(folder / "run/checkpoints/step-10/ema.safetensors"));
  EXPECT_FALSE(chosen.provenance.contains("lpips_in_loss"));
  EXPECT_EQ(chosen.config.data.width, 48);
  EXPECT_EQ(describe(chosen), "run, step 10, ema weights");
  // LPIPS in the loss is told, as it flatters the score.
  RunConfig config = load_config<RunConfig>(folder / "run/config.yaml");
  config.loss.lpips = 2;
  config.train.regression_share = 0;
  write_file_atomic(folder / "run/config.yaml", to_yaml(config));
  EXPECT_EQ(load_run(folder / "run").provenance["lpips_in_loss"], 2.0);
}

// Without validation no step is best: the newest is, and a line says so.
TEST(LoadRun, ARunThatWasNeverValidatedGivesItsNewest) {
  const test::TemporaryFolder folder;
  test::write_small_run(folder / "run", {10, 20}, -1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(load_run(folder / "run").provenance["step"], 20);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no step is best"), std::string::npos);
}

TEST(LoadRun, RefusesByName) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::usage, {"nowhere", "does not exist"}, [&] { load_model(folder / "nowhere"); });
  test::expect_error(ExitCode::usage, {"neither a bundle"}, [&] { load_model(folder.path()); });
  test::write_small_run(folder / "run", {10}, 5);
  test::expect_error(ExitCode::runtime, {"best at step 5", "--checkpoint latest"}, [&] { load_run(folder / "run"); });
  test::expect_error(ExitCode::usage, {"no checkpoint of step 11", "10"}, [&] { load_run(folder / "run", {"11"}); });
  test::expect_error(ExitCode::usage, {"'newest'"}, [&] { load_run(folder / "run", {"newest"}); });
  const fs::path weights = folder / "run/checkpoints/step-10/ema.safetensors";
  std::string bytes = read_file(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file_atomic(weights, bytes);
  test::expect_error(ExitCode::runtime, {"ema.safetensors", "hash"}, [&] { load_run(folder / "run", {"latest"}); });
  fs::remove_all(folder / "run/checkpoints");
  test::expect_error(ExitCode::runtime, {"no checkpoint yet"}, [&] { load_run(folder / "run"); });
}

}  // namespace
}  // namespace spinfill
