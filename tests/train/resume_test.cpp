// SPDX-License-Identifier: Apache-2.0
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "data/shards/pack.h"
#include "run/run_inputs.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

using test::tiny_config;

class Resume : public test::TinyRuns {
 protected:
  // A whole run, and one that was killed after step 3.
  void train_and_cut(const RunConfig& config) {
    train(config, folder_ / "whole", false);
    train(config, folder_ / "cut", false);
    cut();
  }
  void cut() { fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6"); }
  // Weights that another run left.
  fs::path base() {
    RunConfig config = tiny_config(folder_ / "data");
    config.train.steps = 1;
    train(config, folder_ / "base", false);
    const fs::path weights = folder_ / "weights.safetensors";
    fs::copy_file(folder_ / "base/checkpoints/step-1/ema.safetensors", weights);
    return weights;
  }
  void expect_whole() {
    expect_equal(last("whole").weights, last("cut").weights);
    expect_equal(last("whole").ema, last("cut").ema);
  }
  // Exit 2, and the run stands as it was.
  void expect_refused(const RunConfig& config, const std::vector<std::string>& texts) {
    const std::string stored = read_file(folder_ / "cut" / "config.yaml");
    test::expect_error(ExitCode::usage, texts, [&] { train(config, folder_ / "cut", true); });
    EXPECT_EQ(read_file(folder_ / "cut" / "config.yaml"), stored);
    EXPECT_EQ(last("cut").step, 3);
  }
  std::string told_on_resuming(const RunConfig& config) {
    testing::internal::CaptureStderr();
    train(config, folder_ / "cut", true);
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Resume, DataMayLieElsewhereAndInShards) {
  RunConfig config = tiny_config(folder_ / "data");
  train_and_cut(config);
  fs::rename(folder_ / "data", folder_ / "moved");
  config.data.path = (folder_ / "moved").string();
  train(config, folder_ / "cut", true);
  expect_whole();
  cut();
  pack({.folder = folder_ / "moved", .out = folder_ / "packed"});
  config.data.path = (folder_ / "packed").string();
  train(config, folder_ / "cut", true);
  expect_whole();
  EXPECT_EQ(load_config<RunConfig>(folder_ / "cut" / "config.yaml").data.path, config.data.path);
}

TEST_F(Resume, OtherDataAtTheSamePlaceIsRefused) {
  const RunConfig config = tiny_config(folder_ / "data");
  train_and_cut(config);
  const fs::path set = folder_ / "data" / "tiny-02";
  fs::copy(set, folder_ / "kept", fs::copy_options::recursive);
  const auto restore = [&] {
    fs::remove_all(set);
    fs::copy(folder_ / "kept", set, fs::copy_options::recursive);
  };
  cv::Mat picture = read_picture(set / "090.png");
  picture.at<cv::Vec4b>(5, 5)[0] ^= 1;
  write_png(set / "090.png", picture);
  expect_refused(config, {"data.path", "other pictures", "'tiny-02'"});
  restore();

  Json transforms = read_json(set / "transforms.json");
  transforms["frames"][0]["transform_matrix"][0][3] =
      transforms["frames"][0]["transform_matrix"][0][3].get<double>() + 0.01;
  write_json_atomic(set / "transforms.json", transforms);
  expect_refused(config, {"data.path", "description", "'tiny-02'"});
  restore();

  const Json splits = read_json(folder_ / "data" / "splits.json");
  Json other = splits;
  other["train"].erase(0);
  write_json_atomic(folder_ / "data" / "splits.json", other);
  expect_refused(config, {"3 vehicles instead of 4"});
  other["train"].push_back("tiny-05");
  other["test"] = {"tiny-00"};
  write_json_atomic(folder_ / "data" / "splits.json", other);
  expect_refused(config, {"other vehicles", "'tiny-00'"});
  write_json_atomic(folder_ / "data" / "splits.json", splits);
  // What changes no sample may change.
  transforms = read_json(set / "transforms.json");
  transforms["licence"] = "another";
  write_json_atomic(set / "transforms.json", transforms);
  train(config, folder_ / "cut", true);
  expect_whole();
}

TEST_F(Resume, HowItIsComputedMayChange) {
  RunConfig config = tiny_config(folder_ / "data");
  train_and_cut(config);
  config.train.micro_batch_sets = 1;
  config.train.threads = 1;
  config.train.channels_last = true;
  config.train.device = DeviceChoice::cpu;
  config.evaluation.batch_sets = 1;
  train(config, folder_ / "cut", true);
  const Checkpoint whole = last("whole"), other = last("cut");
  for (const auto& [name, tensor] : whole.weights)
    EXPECT_TRUE(at::allclose(tensor, other.weights.at(name), 1e-2, 1e-3)) << name;
  cut();
  for (const auto& change : std::vector<std::pair<const char*, std::function<void(RunConfig&)>>>{
           {"train.batch_sets", [](RunConfig& c) { c.train.batch_sets = 4; }},
           {"train.precision", [](RunConfig& c) { c.train.precision = Precision::bf16; }},
           {"seed", [](RunConfig& c) { c.seed = 7; }},
           {"data.width", [](RunConfig& c) { c.data.width = 32; }},
           {"data.missing", [](RunConfig& c) { c.data.missing = {1}; }}}) {
    RunConfig wrong = config;
    change.second(wrong);
    expect_refused(wrong, {change.first});
  }
}

TEST_F(Resume, InitialWeightsMayBeGone) {
  const fs::path weights = base();
  for (const int rank : {0, 2}) {
    RunConfig config = tiny_config(folder_ / "data");
    config.train.init_from = weights.string();
    config.train.lora.rank = rank;
    fs::remove_all(folder_ / "whole");
    fs::remove_all(folder_ / "cut");
    train_and_cut(config);
    fs::rename(weights, folder_ / "away.safetensors");
    EXPECT_NE(told_on_resuming(config).find("is gone; the checkpoint stands for it"), std::string::npos);
    expect_whole();
    cut();
    // Elsewhere is fine, others are not.
    config.train.init_from = (folder_ / "away.safetensors").string();
    train(config, folder_ / "cut", true);
    expect_whole();
    cut();
    fs::copy_file(folder_ / "base/checkpoints/step-1/weights.safetensors", weights);
    config.train.init_from = weights.string();
    expect_refused(config, {"train.init_from", "SHA-256"});
    // Without a checkpoint they are needed.
    fs::remove(weights);
    fs::remove_all(folder_ / "cut" / "checkpoints");
    test::expect_error(ExitCode::runtime, {"train.init_from", "no such file"},
                       [&] { train(config, folder_ / "cut", true); });
    fs::rename(folder_ / "away.safetensors", weights);
  }
}

TEST_F(Resume, MoreStepsSayWhatBecomesOfTheRate) {
  RunConfig config = tiny_config(folder_ / "data");
  train_and_cut(config);
  config.train.steps = 12;
  const std::string told = told_on_resuming(config);
  EXPECT_NE(told.find("train.steps goes from 6 to 12"), std::string::npos) << told;
  EXPECT_NE(told.find("(step 3) to"), std::string::npos) << told;
  EXPECT_NE(told.find("regression alone ends at step 6 instead of 3"), std::string::npos) << told;
  const std::string again = told_on_resuming(config);
  EXPECT_EQ(again.find("goes from"), std::string::npos) << again;
  EXPECT_NE(again.find("all 12 steps are made"), std::string::npos) << again;
  config.train.steps = 5;
  test::expect_error(ExitCode::usage, {"train.steps is 5", "12 steps are made"},
                     [&] { train(config, folder_ / "cut", true); });
  EXPECT_EQ(load_config<RunConfig>(folder_ / "cut" / "config.yaml").train.steps, 12);
}

// There a path stands for what lies at it.
TEST_F(Resume, RunsOfOlderVersionsAreTakenByTheirPaths) {
  RunConfig config = tiny_config(folder_ / "data");
  train_and_cut(config);
  fs::remove(run_inputs_path(folder_ / "cut"));
  fs::copy(folder_ / "data", folder_ / "moved", fs::copy_options::recursive);
  RunConfig moved = config;
  moved.data.path = (folder_ / "moved").string();
  expect_refused(moved, {"data.path", "inputs.json"});
  train(config, folder_ / "cut", true);
  expect_whole();
  EXPECT_TRUE(read_run_inputs(folder_ / "cut").has_value());
}

TEST_F(Resume, MissingPathsSayWhatTheyAreRelativeTo) {
  const fs::path here = fs::current_path();
  RunConfig config = tiny_config("gone/data");
  const std::string looked_for = (here / "gone/data").string();
  test::expect_error(ExitCode::runtime, {"data.path: gone/data", "relative to the current directory", looked_for},
                     [&] { train(config, folder_ / "run", false); });
  config.data.path = "";
  test::expect_error(ExitCode::usage, {"data.path is empty"}, [&] { train(config, folder_ / "run", false); });
  config = tiny_config(folder_ / "data");
  config.train.init_from = "gone.safetensors";
  test::expect_error(ExitCode::runtime, {"train.init_from", (here / "gone.safetensors").string()},
                     [&] { train(config, folder_ / "run", false); });
  config.train.init_from = "";
  config.data.replay.path = "gone/old";
  test::expect_error(ExitCode::runtime, {"data.replay.path", (here / "gone/old").string()},
                     [&] { train(config, folder_ / "run", false); });
  config.data.replay.path = (folder_ / "data" / ".." / "data").string();
  test::expect_error(ExitCode::usage, {"data.replay.path", "itself"}, [&] { train(config, folder_ / "run", false); });
  config.data.replay.path = "";
  config.evaluation.lpips.weights = "gone/lpips.safetensors";
  test::expect_error(ExitCode::runtime, {"LPIPS", (here / "gone/lpips.safetensors").string()},
                     [&] { train(config, folder_ / "run", false); });
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

}  // namespace
}  // namespace spinfill
