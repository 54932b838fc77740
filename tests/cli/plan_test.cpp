// SPDX-License-Identifier: Apache-2.0
// `spinfill plan`, and `spinfill bench train` in one process and in two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/files/files.h"
#include "core/files/json.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

class PlanCommand : public test::ProgramSuite<PlanCommand> {
 public:
  static void fill() {
    write_config("steps: 40, batch_sets: 4, micro_batch_sets: 2, join_timeout: 120, rank_timeout: 60");
  }

 protected:
  static test::CommandResult plan(const std::string& more) { return spinfill("plan --config tiny.yaml " + more); }
};

TEST_F(PlanCommand, SaysWhetherItFitsByItsExitCode) {
  auto result = plan("--gpus 2 --vram 24G --flops 990T --utilisation 0.5");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("fits: "));
  EXPECT_THAT(result.output, HasSubstr("of 24.0 GiB on each of 2 GPUs"));
  EXPECT_THAT(result.output, HasSubstr("assumed: 50 % of 990 TFLOP/s"));
  result = plan("--gpus 1 --vram 100M");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("does not fit: "));
  EXPECT_THAT(result.output, HasSubstr("no setting makes it fit"));
  EXPECT_THAT(result.output, HasSubstr("give --flops"));
  result = plan("");  // this machine, a step timed
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("timed on this machine"));
}

TEST_F(PlanCommand, SaysThatItDoesNotCoverAutoencoders) {
  const auto result = spinfill(fmt::format("plan --config '{}' --gpus 1 --vram 24G",
                                           test::fixture("../../configs/taesd-decoder.yaml").string()));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("train-autoencoder, which plan does not cover"));
  EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
}

TEST_F(PlanCommand, AConfigurationOfTheOtherKindIsNamed) {
  const auto config = [](const char* name) {
    return test::fixture(fmt::format("../../configs/{}.yaml", name)).string();
  };
  for (const auto& [command, file, text] :
       {std::tuple{"train --out never", config("taesd-decoder"), "of an autoencoder, not of a model"},
        std::tuple{"bench train", config("taesd-decoder"), "spinfill train-autoencoder takes it"},
        std::tuple{"train-autoencoder --out never", config("default"), "of a model, not of an autoencoder"}}) {
    const auto result = spinfill(fmt::format("{} --config '{}'", command, file));
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(text));
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
  // A model's configuration with a key of the other kind has a key that is unknown.
  write_file_atomic(*folder_ / "both.yaml", "data: {width: 24, crop: 24}\n");
  EXPECT_THAT(spinfill("train --out never --config both.yaml").output, HasSubstr("unknown key 'data.crop'"));
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
}

TEST_F(PlanCommand, JsonHoldsThePlan) {
  auto result = plan("--gpus 2 --vram 24GB --flops 1T --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json json = parse_json(result.output, "plan");
  EXPECT_EQ(json.at("fits"), true);
  EXPECT_EQ(json.at("memory_bytes"), 24'000'000'000);
  EXPECT_EQ(json.at("processes"), 2);
  std::int64_t sum = 0;
  for (const auto& [name, bytes] : json.at("tensors").items()) sum += bytes.get<std::int64_t>();
  EXPECT_EQ(json.at("tensors_bytes"), sum);
  EXPECT_EQ(json.at("steps"), 40);
  // Without a memory size to compare with, "fits" is unknown.
  result = plan("--gpus 2 --flops 1T --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(parse_json(result.output, "plan").at("fits").is_null());
}

TEST_F(PlanCommand, OfGenerating) {
  auto result = plan("--generate 3 --gpus 1 --vram 8G --flops 1T --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json whole = parse_json(result.output, "plan");
  EXPECT_EQ(whole.at("fits"), true);
  EXPECT_EQ(whole.at("references"), 5);
  EXPECT_EQ(whole.at("evaluations"), 1);
  EXPECT_GT(whole.at("seconds").get<double>(), 0);
  std::int64_t sum = 0;
  for (const auto& [name, bytes] : whole.at("tensors").items()) sum += bytes.get<std::int64_t>();
  EXPECT_EQ(whole.at("tensors_bytes"), sum);
  result = plan("--generate 3 --gpus 1 --vram 8G --precision bf16 --json");
  EXPECT_EQ(2 * parse_json(result.output, "plan").at("tensors").at("weights").get<std::int64_t>(),
            whole.at("tensors").at("weights"));
  result = plan("--generate 1 --gpus 1 --vram 100M");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("does not fit: "));
  EXPECT_THAT(result.output, HasSubstr("1 views from 7"));
  EXPECT_EQ(plan("--generate 9").exit_code, 2);
  EXPECT_EQ(plan("--generate 1 --gpus 2").exit_code, 2);
  EXPECT_EQ(plan("--precision bf16").exit_code, 2);
}

// The files in configs/, on the machines that they are for.
TEST_F(PlanCommand, TheProjectsConfigurationsFit) {
  for (const auto& [name, machine] : {std::pair("default", "--gpus 1 --vram 8G --flops 60T"),
                                      std::pair("large", "--gpus 8 --vram 80G --flops 989T")}) {
    const fs::path file = test::fixture("../../configs") / fmt::format("{}.yaml", name);
    const auto result = spinfill(fmt::format("plan --config {} {}", file.string(), machine));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("fits: "));
  }
}

TEST_F(PlanCommand, RefusesBadArguments) {
  for (const auto& [arguments, text] : std::vector<std::pair<std::string, std::string>>{
           {"--vram abc", "--vram 'abc'"},
           {"--vram=-3G", "--vram '-3G'"},
           {"--vram 0", "--vram '0'"},
           {"--gpus 0", "--gpus"},
           {"--gpus two", "--gpus"},
           {"--flops quick", "--flops 'quick'"},
           {"--utilisation 0", "--utilisation"},
           {"--utilisation 1.5", "--utilisation"},
           {"--gpus 3", "which 3 processes cannot share"},
           {"--gpus 1 --set train.device=cpu", "train.device is cpu"},
           {"--set data.width=25", "must be a multiple of model.pixel_factor (2)"},
           {"--set train.batch=3", "train.batch"}}) {
    const auto result = plan(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr(text)) << arguments;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
  }
}

// Commands that make a run know the network's parts, and name what is wrong with its line.
TEST_F(PlanCommand, WrongPatternsAreRefusedByAllThatMakesARun) {
  write_file_atomic(*folder_ / "wrong.yaml", "train:\n  freeze: [unet.down_block]\n");
  for (const std::string command : {"train --out run", "plan", "bench train", "bench sample"}) {
    const auto result = spinfill(command + " --config wrong.yaml");
    EXPECT_EQ(result.exit_code, 2) << command << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr("wrong.yaml:2: train.freeze")) << command;
    EXPECT_THAT(result.output, HasSubstr("unet.down_blocks")) << command;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
  }
  EXPECT_FALSE(fs::exists(*folder_ / "run"));
}

// Without a data set: on vehicles made for it, in a folder that is gone afterwards.
TEST_F(PlanCommand, BenchMakesItsOwnDataWhereThereIsNone) {
  fs::create_directories(*folder_ / "tmp");
  const std::string command =
      fmt::format("'{}' bench train --config tiny.yaml --set data.path=nowhere --steps 1 --json", test::program());
  const auto result = shell("export TMPDIR=$PWD/tmp; " + command + " 2>messages");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(parse_json(result.output, "bench train").at("data"), "synthetic");
  EXPECT_THAT(read_file(*folder_ / "messages"),
              HasSubstr("data.path 'nowhere' does not exist: timing on 16 synthetic"));
  EXPECT_TRUE(fs::is_empty(*folder_ / "tmp"));
}

TEST_F(PlanCommand, BenchTrainReportsWhatProcessesReachTogether) {
  test::write_tiny_data_set(*folder_ / "data", 6);
  const std::string command = "-q bench train --config tiny.yaml --set data.path=data --steps 2 --json";
  const auto one = spinfill(command);
  ASSERT_EQ(one.exit_code, 0) << one.output;
  const Json alone = parse_json(one.output, "bench train");
  EXPECT_EQ(alone.at("processes"), 1);
  EXPECT_EQ(alone.at("data"), "data.path");
  EXPECT_EQ(alone.at("communication_share"), 0);
  EXPECT_GT(alone.at("flops_per_step").get<double>(), 0);
  EXPECT_GT(alone.at("peak_share").get<double>(), 0);
  EXPECT_LT(alone.at("peak_tensor_bytes").get<double>(), alone.at("peak_bytes").get<double>());
  const auto ready = spinfill(command + " --ready");
  ASSERT_EQ(ready.exit_code, 0) << ready.output;
  const Json prepared = parse_json(ready.output, "bench train --ready");
  EXPECT_EQ(prepared.at("waiting_share"), 0);
  EXPECT_EQ(prepared.at("flops_per_step"), alone.at("flops_per_step"));
  EXPECT_EQ(spinfill("bench sample --config tiny.yaml --ready").exit_code, 2);
  const auto two = spinfill(command + " --nproc-per-node 2");
  ASSERT_EQ(two.exit_code, 0) << two.output;
  const Json together = parse_json(two.output, "bench train --nproc-per-node 2");  // one process prints
  EXPECT_EQ(together.at("processes"), 2);
  EXPECT_GT(together.at("communication_share").get<double>(), 0);
  EXPECT_LT(together.at("communication_share").get<double>(), 1);
  EXPECT_NEAR(together.at("flops_per_step").get<double>(), alone.at("flops_per_step").get<double>(),
              1e-6 * alone.at("flops_per_step").get<double>());  // the same samples
}

}  // namespace
}  // namespace spinfill
