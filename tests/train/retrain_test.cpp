// SPDX-License-Identifier: Apache-2.0
// Training on from given weights: adapters, frozen parts, replay, scores by category, early stop.
#include <ATen/ATen.h>

#include "core/files/json.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/checkpoints/checkpoint.h"
#include "train/tiny_run.h"
#include "train/trainer.h"

namespace spinfill {
namespace {

class Retrain : public test::TinyRuns {
 protected:
  void SetUp() override {
    TinyRuns::SetUp();
    test::TinySetOptions older;
    older.seed = 30;
    test::write_tiny_data_set(folder_ / "older", 9, older);
  }
  RunConfig config() { return test::tiny_config(folder_ / "data"); }
  // As config(), from the weights of a short training.
  RunConfig from_base() {
    if (!fs::exists(folder_ / "base")) {
      RunConfig base = config();
      base.optimizer.learning_rate = 0.01;
      train(base, folder_ / "base", false);
    }
    RunConfig next = config();
    next.train.init_from = (folder_ / "base" / "checkpoints" / "step-6" / "weights.safetensors").string();
    next.optimizer.learning_rate = 0.01;
    return next;
  }
  RunConfig with_adapters() {
    RunConfig next = from_base();
    next.train.lora.rank = 2;
    next.train.lora.full = {"conditioner.category_embedding"};
    return next;
  }
  std::vector<Json> validations(const std::string& run) {
    std::vector<Json> found;
    std::istringstream lines(read_file(folder_ / run / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      if (Json row = parse_json(line, "metrics.jsonl"); row.contains("validation")) found.push_back(std::move(row));
    }
    return found;
  }
};

TEST_F(Retrain, FrozenPartsStayToTheBitAndHaveNoOptimiserState) {
  RunConfig frozen = from_base();
  frozen.train.freeze = {"unet.down_blocks", "conditioner"};
  train(frozen, folder_ / "run", false);
  const TensorMap before = last("base").weights;
  const Checkpoint after = last("run");
  int moved = 0;
  for (const auto& [name, tensor] : after.weights) {
    const bool still = name.starts_with("unet.down_blocks.") || name.starts_with("conditioner.");
    if (still) {
      EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
      EXPECT_TRUE(at::equal(after.ema.at(name), before.at(name))) << name;
    }
    EXPECT_EQ(after.optimizer.contains("exp_avg." + name), !still) << name;
    moved += at::equal(tensor, before.at(name)) ? 0 : 1;
  }
  EXPECT_GT(moved, 20);
}

TEST_F(Retrain, AdaptersAreAllThatIsTrained) {
  train(with_adapters(), folder_ / "run", false);
  const TensorMap before = last("base").weights;
  const Checkpoint after = last("run");
  int adapters = 0;
  for (const auto& [name, tensor] : after.weights) {
    const bool trained = name.ends_with("lora_A") || name.ends_with("lora_B") || name.ends_with("category_embedding");
    EXPECT_EQ(after.optimizer.contains("exp_avg." + name), trained) << name;
    if (name.ends_with("lora_B")) {
      ++adapters;
      // Without data.cues its input is zero, and nothing is learnt there.
      const bool moved = tensor.abs().max().item<double>() > 0;
      EXPECT_TRUE(moved || name.find("cue_embedding.linear_1") != name.npos) << name;
    } else if (!trained && !name.ends_with("lora_scale")) {
      EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
    }
  }
  EXPECT_GT(adapters, 10);
  EXPECT_EQ(after.ema.size(), after.weights.size());
}

TEST_F(Retrain, ResumedRunWithAdaptersIsBitIdentical) {
  RunConfig adapted = with_adapters();
  adapted.data.replay = {(folder_ / "older").string(), 0.4};
  expect_resuming_changes_nothing(adapted);
}

TEST_F(Retrain, ValidationTellsCategoriesAndReplayedData) {
  RunConfig replaying = config();
  replaying.train.steps = 3;
  replaying.data.replay = {(folder_ / "older").string(), 0.5};
  train(replaying, folder_ / "run", false);
  const auto rows = validations("run");
  ASSERT_EQ(rows.size(), 2U);
  for (const Json& row : rows) {
    // The validation splits hold set 4 of one and set 7 of the other.
    ASSERT_EQ(row.at("by_category").size(), 1U);
    EXPECT_EQ(row.at("by_category").at("pickup"), row.at("validation"));
    ASSERT_EQ(row.at("replay_by_category").size(), 1U);
    EXPECT_EQ(row.at("replay_by_category").at("sedan"), row.at("replay"));
    EXPECT_NE(row.at("replay").at("psnr"), row.at("validation").at("psnr"));
  }
  // Without replay the same sets are scored alike before step 1.
  train(config(), folder_ / "plain", false);
  const auto plain = validations("plain");
  EXPECT_EQ(plain[0].at("validation"), rows[0].at("validation"));
  EXPECT_FALSE(plain[0].contains("replay"));
}

TEST_F(Retrain, ACategoryThatTheModelDoesNotKnowIsScoredByItsName) {
  test::TinySetOptions options;
  options.category = "excavator";
  for (const char* id : {"a", "b"}) {
    options.id = id;
    test::write_tiny_set(folder_ / "new" / id, options);
  }
  write_json_atomic(folder_ / "new" / "splits.json", {{"train", {"a"}}, {"val", {"b"}}});
  RunConfig fresh = test::tiny_config(folder_ / "new");
  fresh.train.steps = 1;
  train(fresh, folder_ / "run", false);
  EXPECT_TRUE(validations("run").at(0).at("by_category").contains("excavator"));
}

TEST_F(Retrain, EarlyStopEndsTheRunAndResumingSaysSo) {
  RunConfig stopping = config();
  stopping.train.steps = 40;
  stopping.train.validate_every = 2;
  stopping.train.checkpoint_every = 100;
  stopping.train.early_stop.patience = 3;
  stopping.train.early_stop.min_delta = 50;  // nothing improves so much
  TrainResult result = train(stopping, folder_ / "run", false);
  EXPECT_TRUE(result.ended_early);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.step, 8);  // validations at 2, then three without improvement
  EXPECT_EQ(last("run").step, 8);
  const auto rows = validations("run");
  EXPECT_EQ(rows.back().at("stale_validations"), 3);
  const std::string log = read_file(folder_ / "run" / "metrics.jsonl");
  result = train(stopping, folder_ / "run", true);
  EXPECT_TRUE(result.ended_early);
  EXPECT_EQ(result.step, 8);
  EXPECT_EQ(read_file(folder_ / "run" / "metrics.jsonl"), log);
  stopping.train.early_stop.patience = 4;  // may change
  result = train(stopping, folder_ / "run", true);
  EXPECT_TRUE(result.ended_early);
  EXPECT_EQ(result.step, 10);
}

}  // namespace
}  // namespace spinfill
