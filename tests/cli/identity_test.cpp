// SPDX-License-Identifier: Apache-2.0
// Models that are told by a network which vehicle their references show (data.identity), as a user makes and runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program_suite.h"

namespace spinfill {
namespace {

using ::testing::HasSubstr;

class ToldByNetwork : public test::ProgramSuite<ToldByNetwork> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    const std::string network = read_file(test::fixture("metrics/identity.onnx"));
    write_file_atomic(*folder_ / "net.onnx", network);
    write_file_atomic(*folder_ / "other.onnx", network + "\x32\x01x");  // the same with a note: another file
    write_config(
        "steps: 6, batch_sets: 2, micro_batch_sets: 2, regression_share: 0, checkpoint_every: 3, keep_last: 9, "
        "validate_every: 6, validation_sets: 1, sample_grids: 0, log_every: 1, threads: 1");
  }

 protected:
  static constexpr const char* kTold =
      " --set data.identity.width=16 --set data.identity.height=12 --set model.identity_dim=6"
      " --set data.references=[0,3] --set model.output=edm --set sampler.steps=3 --set loss.mode=diffusion ";
  static std::string train_told(const std::string& run, const std::string& network, const std::string& more = "") {
    return train(run, kTold + ("--set data.identity.model=" + network) + " " + more);
  }
  static void expect_error(const std::string& arguments, int code, const std::vector<std::string>& texts) {
    const auto result = shell(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << ": " << result.output;
    for (const std::string& text : texts) EXPECT_THAT(result.output, HasSubstr(text)) << arguments;
  }
  static void refused(const std::string& arguments, int code, const std::vector<std::string>& texts) {
    expect_error(fmt::format("'{}' {}", test::program(), arguments), code, texts);
  }
  static Json overall(const std::string& report) { return read_json(*folder_ / report / "metrics.json").at("overall"); }
};

TEST_F(ToldByNetwork, TrainsResumesEvaluatesExportsCompletesAndSamples) {
  auto result = shell(train_told("run", "net.onnx"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string hash = sha256_file(*folder_ / "net.onnx");
  EXPECT_EQ(sha256_file(*folder_ / "run/identity.onnx"), hash);
  EXPECT_EQ(read_json(*folder_ / "run/inputs.json").at("identity_sha256"), hash);

  // Resumed bit for bit, by the copy that the run keeps where the file is gone; by no other network.
  fs::copy(*folder_ / "run", *folder_ / "cut", fs::copy_options::recursive);
  fs::remove_all(*folder_ / "cut/checkpoints/step-6");
  expect_error(train_told("cut", "other.onnx", "--resume"), 2, {"other weights at data.identity.model"});
  fs::rename(*folder_ / "net.onnx", *folder_ / "moved.onnx");
  result = spinfill("train --resume --out cut");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("identity.onnx stands for it"));
  EXPECT_EQ(checkpoint_hashes("cut", 6), checkpoint_hashes("run", 6));

  result = spinfill("evaluate --model run --data data --out report --grids 0");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(*folder_ / "report/metrics.json").at("model").at("identity_sha256"), hash);
  refused("evaluate --model run --data data --out never --set data.identity.model=other.onnx", 2,
          {"data.identity", "cannot change"});

  // The bundle holds all it needs.
  result = spinfill("export --run run --out bundle --dtype fp32");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  fs::rename(*folder_ / "run", *folder_ / "elsewhere");
  const Json manifest = read_json(*folder_ / "bundle/manifest.json");
  EXPECT_EQ(manifest.at("config").at("data").at("identity").at("model"), "identity.onnx");
  EXPECT_EQ(manifest.at("files").at("identity.onnx").at("sha256"), hash);
  EXPECT_EQ(manifest.at("provenance").at("training").at("identity_sha256"), hash);
  result = spinfill("export --check bundle");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(spinfill("inspect bundle").exit_code, 0);
  result = spinfill("evaluate --model bundle --data data --out again --grids 0");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(overall("again"), overall("report"));
  fs::create_directory(*folder_ / "given");
  for (const char* view : {"000.png", "045.png", "090.png", "180.png", "225.png"})
    fs::copy(*folder_ / "data/tiny-05" / view, *folder_ / "given" / view);
  result = spinfill("complete --model bundle --input given --out spin");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(*folder_ / "spin/spin.html"));

  // Made up like one vehicle, like another, and like none.
  const auto made = [&](const std::string& out, const std::string& more) {
    const auto sampled = spinfill("sample --model bundle --count 1 --out " + out + more);
    EXPECT_EQ(sampled.exit_code, 0) << sampled.output;
    return read_file(*folder_ / out / "vehicle-000/000.png");
  };
  const std::string like = made("like", " --identity data/tiny-05");
  EXPECT_NE(like, made("unlike", " --identity data/tiny-04"));
  EXPECT_NE(like, made("none", ""));

  // Damage is named.
  const auto damaged = [&](const char* from, const std::string& to, bool removed) {
    fs::copy(*folder_ / from, *folder_ / to, fs::copy_options::recursive);
    fs::remove(*folder_ / to / "identity.onnx");
    if (!removed) fs::copy_file(*folder_ / "other.onnx", *folder_ / to / "identity.onnx");
  };
  damaged("bundle", "bundle-without", true);
  refused("export --check bundle-without", 3, {"identity.onnx", "missing"});
  damaged("bundle", "bundle-other", false);
  refused("complete --model bundle-other --input given --out never", 3, {"identity.onnx", "copy the bundle again"});
  EXPECT_EQ(spinfill("inspect bundle-other").exit_code, 1);
  damaged("elsewhere", "run-without", true);
  refused("evaluate --model run-without --data data --out never", 3, {"identity.onnx", "missing"});
  damaged("elsewhere", "run-other", false);
  refused("evaluate --model run-other --data data --out never", 3, {"identity.onnx", "not the network"});
  refused("train --resume --set train.steps=7 --out run-without", 3, {"data.identity.model", "no such file"});
  fs::rename(*folder_ / "moved.onnx", *folder_ / "net.onnx");
}

TEST_F(ToldByNetwork, RefusesWhatDoesNotFit) {
  expect_error(train_told("never", "net.onnx", "--set model.identity_dim=5"), 2,
               {"model.identity_dim is 5", "net.onnx", "set model.identity_dim to 6"});
  expect_error(train_told("never", "net.onnx", "--set model.identity_dim=0"), 2,
               {"data.identity.model", "model.identity_dim"});
  expect_error(train_told("never", "net.onnx", "--set data.identity.width=31"), 3,
               {"net.onnx", "31×12", "data.identity.width"});
  expect_error(train_told("never", "nowhere.onnx"), 3, {"data.identity.model", "nowhere.onnx", "no such file"});
  expect_error(train_told("never", "data/tiny-00/transforms.json"), 3, {"transforms.json", "ONNX"});
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
  // Memory and time are told without it.
  const auto plan = spinfill(
      "plan --config tiny.yaml --gpus 1 --vram 24G --flops 1T --set data.identity.model=nowhere.onnx --set "
      "model.identity_dim=6");
  EXPECT_EQ(plan.exit_code, 0) << plan.output;
}

// Sets that state vectors of their own, here of another length: they are not used, and a line says so.
TEST_F(ToldByNetwork, SaysThatStatedVectorsAreNotUsed) {
  test::write_tiny_data_set(*folder_ / "stating", 6, {.identity = {1, 2, 3}});
  const auto result = shell(train_told("stated", "other.onnx", "--set data.path=stating --set train.steps=1"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("identity_file_path is not used"));
}

}  // namespace
}  // namespace spinfill
