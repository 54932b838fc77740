// SPDX-License-Identifier: Apache-2.0
#include "train/validation.h"

#include "core/files/json.h"
#include "run/run_summary.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

using test::tiny_config;

class WithoutValidation : public test::TinyRuns {
 protected:
  // What a training says on stderr.
  static std::string told_by(const RunConfig& config, const fs::path& run, bool resume = false) {
    testing::internal::CaptureStderr();
    train(config, run, resume);
    return testing::internal::GetCapturedStderr();
  }
  void set_splits(const Json& others) const {
    Json splits = others;
    splits["train"] = {"tiny-00", "tiny-01", "tiny-02", "tiny-03"};
    write_json_atomic(folder_ / "data" / "splits.json", splits);
  }
};

TEST_F(WithoutValidation, TrainingGoesOnAndSaysSo) {
  const RunConfig config = tiny_config(folder_ / "data");
  train(config, folder_ / "validated", false);
  const std::vector<std::pair<Json, const char*>> cases = {{Json::object(), "add vehicles"},
                                                           {{{"val", Json::array()}}, "is empty"},
                                                           {{{"validation", {"tiny-04"}}}, "rename 'validation'"},
                                                           {{{"Dev", {"tiny-04"}}}, "rename 'Dev'"}};
  int number = 0;
  for (const auto& [splits, advice] : cases) {
    set_splits(splits);
    const std::string run = fmt::format("run-{}", number++);
    const std::string told = told_by(config, folder_ / run);
    EXPECT_NE(told.find("goes on without validation"), std::string::npos) << told;
    EXPECT_EQ(told.find("without validation"), told.rfind("without validation")) << told;
    EXPECT_NE(told.find(advice), std::string::npos) << told;
    const RunSummary summary = read_run(folder_ / run);
    EXPECT_TRUE(summary.last_validation.is_null());
    EXPECT_EQ(summary.rows, 6);
    EXPECT_NE(run_text(summary).find("no validation was made"), std::string::npos);
    EXPECT_EQ(last(run).progress.best, BestValidation{});
    expect_equal(last("validated").weights, last(run).weights);
  }
}

TEST_F(WithoutValidation, NoSplitsMeanNoVehicleIsHeldBack) {
  fs::remove(folder_ / "data" / "splits.json");
  const std::string told = told_by(tiny_config(folder_ / "data"), folder_ / "run");
  EXPECT_NE(told.find("no splits.json"), std::string::npos) << told;
  EXPECT_NE(told.find("6 training vehicles"), std::string::npos) << told;
  EXPECT_TRUE(read_run(folder_ / "run").last_validation.is_null());
}

TEST_F(WithoutValidation, WhoAsksForNoneHearsNothing) {
  RunConfig config = tiny_config(folder_ / "data");
  config.train.validate_every = 0;
  set_splits({{"validation", {"tiny-04"}}});
  const std::string told = told_by(config, folder_ / "run");
  EXPECT_EQ(told.find("validation"), std::string::npos) << told;
  EXPECT_TRUE(read_run(folder_ / "run").last_validation.is_null());
}

TEST_F(WithoutValidation, RunsAreResumedWithAndWithout) {
  set_splits(Json::object());
  expect_resuming_changes_nothing(tiny_config(folder_ / "data"));
  set_splits({{"val", {"tiny-04"}}});
  fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6");
  train(tiny_config(folder_ / "data"), folder_ / "cut", true);
  EXPECT_EQ(read_run(folder_ / "cut").last_validation.at("step"), 6);
}

TEST_F(WithoutValidation, EarlyStopIsRefusedAtTheStart) {
  RunConfig config = tiny_config(folder_ / "data");
  config.train.early_stop.patience = 2;
  set_splits(Json::object());
  test::expect_error(ExitCode::usage, {"train.early_stop.patience", "splits.json", "'val'"},
                     [&] { train(config, folder_ / "run", false); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  config.train.validate_every = 0;
  test::expect_error(ExitCode::usage, {"train.early_stop.patience", "validate_every"},
                     [&] { read_config_text(to_yaml(config), "c.yaml", {}, [](Fields& f) { RunConfig().bind(f); }); });
}

TEST_F(WithoutValidation, ReplayedDataMayLackIt) {
  test::write_tiny_data_set(folder_ / "older", 4, {.seed = 50});
  write_json_atomic(folder_ / "older" / "splits.json", {{"train", {"tiny-00", "tiny-01"}}});
  RunConfig config = tiny_config(folder_ / "data");
  config.data.replay.path = (folder_ / "older").string();
  const std::string told = told_by(config, folder_ / "run");
  EXPECT_NE(told.find("what was learnt before is not validated"), std::string::npos) << told;
  EXPECT_FALSE(read_run(folder_ / "run").last_validation.contains("replay"));
}

// Found before the first step, not when the sample is drawn.
TEST_F(WithoutValidation, ASetOfOneViewIsNamedAtTheStart) {
  test::write_tiny_set(folder_ / "data" / "tiny-02", {.id = "tiny-02", .slots = {3}});
  test::expect_error(ExitCode::runtime, {"'tiny-02'", "1 of the 8 views", "data.missing"},
                     [&] { train(tiny_config(folder_ / "data"), folder_ / "run", false); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(WithoutValidation, SmallPicturesAreValidatedWithoutSsim) {
  RunConfig config = tiny_config(folder_ / "data");
  config.data.width = config.data.height = 8;
  const std::string told = told_by(config, folder_ / "run");
  EXPECT_NE(told.find("no SSIM: pictures of 8×8 px"), std::string::npos) << told;
  const Json validation = read_run(folder_ / "run").last_validation.at("validation");
  EXPECT_TRUE(validation.at("psnr").is_number());
  EXPECT_TRUE(validation.at("ssim").is_null());
}

}  // namespace
}  // namespace spinfill
