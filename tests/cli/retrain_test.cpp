// SPDX-License-Identifier: Apache-2.0
// docs/retrain.md, command by command, with sets that take milliseconds: a model trained on some categories learns
// another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

class RetrainPage : public test::ProgramSuite<RetrainPage> {
 public:
  static void fill() {}

 protected:
  void expect_done(const std::string& arguments) {
    const auto result = spinfill(arguments);
    ASSERT_EQ(result.exit_code, 0) << arguments << "\n" << result.output;
  }
  void write_buses(const fs::path& folder, int count) {
    Json splits = {{"train", Json::array()}, {"val", Json::array()}, {"test", Json::array()}};
    for (int i = 0; i < count; ++i) {
      test::TinySetOptions options;
      options.id = fmt::format("bus-{}", i);
      options.category = "bus";
      options.seed = 50 + static_cast<std::uint64_t>(i);
      test::write_tiny_set(folder / options.id, options);
      splits[i < 2 ? (i == 0 ? "test" : "val") : "train"].push_back(options.id);
    }
    write_json_atomic(folder / "splits.json", splits);
  }
  Json metrics(const std::string& report) { return read_json(*folder_ / report / "metrics.json"); }
  std::vector<Json> validations(const std::string& run) {
    std::vector<Json> found = rows(run);
    std::erase_if(found, [](const Json& row) { return !row.contains("validation"); });
    return found;
  }
};

TEST_F(RetrainPage, ATrainedModelLearnsANewCategory) {
  test::write_tiny_data_set(*folder_ / "data/old", 8);
  write_buses(*folder_ / "data/new", 5);
  std::ofstream(*folder_ / "base.yaml") << test::kTinyModelYaml << R"(
train: {steps: 20, batch_sets: 2, micro_batch_sets: 1, validate_every: 10, validation_sets: 0, checkpoint_every: 10,
        sample_grids: 1, threads: 1}
)";
  expect_done("train --config base.yaml --set data.path=data/old --out runs/base");
  expect_done("export --run runs/base --out bundles/base");

  // 1. Before: the trained model on both.
  expect_done("evaluate --model bundles/base --data data/new --out reports/base-new");
  expect_done("evaluate --model bundles/base --data data/old --out reports/base-old");

  // 2. The retraining's configuration: the base's, with what differs.
  expect_done(
      "train --config runs/base/config.yaml --set data.path=data/new --set data.replay.path=data/old "
      "--set data.replay.share=0.5 --set train.init_from=bundles/base/model.safetensors --set train.lora.rank=2 "
      "--set 'train.lora.full=[conditioner.category_embedding]' --set optimizer.learning_rate=0.01 "
      "--set train.steps=200 --set train.validate_every=5 --set train.early_stop.patience=2 "
      "--set train.early_stop.min_delta=20 --print-config > retrain.yaml");
  EXPECT_THAT(read_file(*folder_ / "retrain.yaml"), HasSubstr("    rank: 2 "));

  // 3. It begins with the base's scores and ends by itself.
  auto result = spinfill("train --config retrain.yaml --out runs/bus");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("trained), 3 training vehicles and 6 replayed"));
  EXPECT_THAT(result.output, HasSubstr("ended at step 15: validation PSNR did not rise"));
  const auto rows = validations("runs/bus");
  ASSERT_EQ(rows.size(), 4U);
  for (const Json& row : rows) {
    EXPECT_TRUE(row.at("by_category").contains("bus"));
    EXPECT_TRUE(row.at("replay_by_category").contains("bus"));  // set 6 of the old data
  }
  // With the adapters' B zero it is the base, bit for bit: the scores are those of the base's best validation.
  std::vector<Json> of_base;
  for (const Json& row : validations("runs/base")) of_base.push_back(row.at("validation"));
  EXPECT_THAT(of_base, testing::Contains(rows[0].at("replay")));
  EXPECT_NE(rows[3].at("validation"), rows[0].at("validation"));
  result = spinfill("train --resume --out runs/bus");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("ended at step 15: validation PSNR did not rise"));
  expect_done("inspect runs/bus --html bus.html");
  const std::string page = read_file(*folder_ / "bus.html");
  EXPECT_THAT(page, HasSubstr("PSNR by category"));
  EXPECT_THAT(page, HasSubstr("replayed data: PSNR by category"));

  // 4. After: the same scores as validation's, with the adapters merged.
  expect_done("evaluate --model runs/bus --checkpoint latest --data data/new --split val --out reports/bus-val");
  EXPECT_NEAR(metrics("reports/bus-val")["overall"]["psnr"].get<double>(),
              rows[3].at("validation").at("psnr").get<double>(), 1e-3);
  expect_done("evaluate --model runs/bus --data data/new --out reports/bus-new");
  expect_done("evaluate --model runs/bus --data data/old --out reports/bus-old");
  EXPECT_NE(metrics("reports/bus-new")["overall"]["psnr"], metrics("reports/base-new")["overall"]["psnr"]);
  result = spinfill("compare reports/base-old/metrics.json reports/bus-old/metrics.json --max-drop psnr=30");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("by_category"));

  // 5. The bundle holds a model without adapters, and it completes.
  expect_done("export --run runs/bus --out bundles/bus --metrics reports/bus-new/metrics.json");
  const TensorMap merged = read_safetensors(*folder_ / "bundles/bus/model.safetensors").tensors;
  const TensorMap base = read_safetensors(*folder_ / "bundles/base/model.safetensors").tensors;
  ASSERT_EQ(merged.size(), base.size());
  int changed = 0;
  for (const auto& [name, tensor] : merged) {
    ASSERT_TRUE(base.contains(name)) << name;
    changed += tensor.equal(base.at(name)) ? 0 : 1;
  }
  EXPECT_GT(changed, 10);
  expect_done("evaluate --model bundles/bus --data data/new --out reports/bundle-new");
  EXPECT_NEAR(metrics("reports/bundle-new")["overall"]["psnr"].get<double>(),
              metrics("reports/bus-new")["overall"]["psnr"].get<double>(), 1e-4);
  expect_done("complete --model bundles/bus --input data/new/bus-0 --hide 90,180 --out spin");
  EXPECT_TRUE(fs::exists(*folder_ / "spin/spin.html"));

  // 6. The retrained model is a base for the next one.
  expect_done(
      "train --config base.yaml --set data.path=data/new --set train.steps=1 --out runs/next "
      "--set train.init_from=runs/bus/checkpoints/step-15/ema.safetensors --set 'train.freeze=[unet.down_blocks]'");
}

TEST_F(RetrainPage, WrongConfigurationsAreOneLine) {
  std::ofstream(*folder_ / "base.yaml") << test::kTinyModelYaml;
  const auto refused = [&](const std::string& set, const std::vector<std::string>& texts) {
    const auto result = spinfill("train --config base.yaml --out x --set data.path=nowhere " + set);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    for (const std::string& text : texts) EXPECT_THAT(result.output, HasSubstr(text));
    EXPECT_FALSE(fs::exists(*folder_ / "x"));
  };
  refused("--set 'train.freeze=[unet.down_block]'", {"train.freeze", "unet.down_blocks"});
  refused("--set train.lora.rank=4", {"train.lora.rank", "train.init_from"});
  refused("--set train.lora.rnk=4", {"did you mean 'train.lora.rank'"});
  refused("--set train.early_stop.patience=-1", {"train.early_stop.patience"});
  refused("--set data.replay.share=1.5", {"data.replay.share"});
}

}  // namespace
}  // namespace spinfill
