// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"
#include "core/files/json.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "data/batches/loader.h"
#include "data/open_data_set.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/checkpoints/checkpoint.h"
#include "train/step/step.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

using test::tiny_config;

class Trainer : public test::TinyRuns {};

TEST(ComputeThreads, LeaveTheLoaderItsCores) {
  RunConfig config;
  config.data.loader.threads = 2;
  EXPECT_EQ(compute_threads(config, 8), 6);
  EXPECT_EQ(compute_threads(config, 2), 1);
  config.train.threads = 5;
  EXPECT_EQ(compute_threads(config, 2), 5);
}

TEST(MicroBatchesAtOnce, AsManyAsThereAreThreads) {
  RunConfig config;
  EXPECT_EQ(micro_batches_at_once(config, 8, 2), 2);
  EXPECT_EQ(micro_batches_at_once(config, 2, 4), 2);
  config.train.threads = 3;
  EXPECT_EQ(micro_batches_at_once(config, 8, 4), 3);
  EXPECT_EQ(micro_batches_at_once(config, 8, 1), 1);
}

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

// The weights stay float32; the run is another one, and goes on bit for bit.
TEST_F(Trainer, Bf16RunsAreResumedBitIdentical) {
  RunConfig config = tiny_config(folder_ / "data");
  train(config, folder_ / "plain", false);
  config.train.precision = "bf16";
  train(config, folder_ / "whole", false);
  EXPECT_FALSE(
      at::equal(last("plain").weights.at("unet.conv_in.weight"), last("whole").weights.at("unet.conv_in.weight")));
  for (const auto& [name, tensor] : last("whole").weights) EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
  train(config, folder_ / "cut", false);
  fs::remove_all(folder_ / "cut" / "checkpoints" / "step-6");
  train(config, folder_ / "cut", true);
  expect_equal(last("whole").weights, last("cut").weights);
  expect_equal(last("whole").ema, last("cut").ema);
  config.train.precision = "fp32";
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

TEST_F(Trainer, AccumulationDoesNotChangeTheStep) {
  RunConfig config = tiny_config(folder_ / "data");
  config.train.batch_sets = 4;
  config.train.micro_batch_sets = 4;
  const DataSet data = open_data_set(config.data.path, "train");
  const auto one_step = [&](std::int64_t micro) {
    TrainingStream stream;
    stream.seed = 1;
    stream.batch_size = micro;
    const MakeBatch make = training_batches(data, config.data, stream);
    std::vector<Batch> batches;
    for (std::int64_t i = 0; i < 4 / micro; ++i) batches.push_back(make(i));
    const Denoiser denoiser(config.model, 1);
    AdamW optimizer(named_parameters(denoiser), config.optimizer);
    return train_step(denoiser, optimizer, batches, config, 4);
  };
  const StepStatistics whole = one_step(4), split = one_step(1);
  EXPECT_EQ(whole.values, split.values);
  EXPECT_NEAR(whole.loss, split.loss, 1e-5 * whole.loss);
  EXPECT_NEAR(whole.gradient_norm, split.gradient_norm, 1e-4 * whole.gradient_norm);
}

// Micro-batches side by side give the same bits as one after the other.
TEST_F(Trainer, StepDoesNotDependOnHowManyMicroBatchesRunAtOnce) {
  RunConfig config = tiny_config(folder_ / "data");
  config.loss.mode = LossMode::mixed;
  config.train.regression_share = 0;
  const DataSet data = open_data_set(config.data.path, "train");
  TrainingStream stream;
  stream.seed = 1;
  stream.batch_size = 1;
  const MakeBatch make = training_batches(data, config.data, stream);
  const std::vector<Batch> batches = {make(0), make(1), make(2)};
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  bool channels_last = false;
  const auto steps = [&](std::int64_t at_once) {
    config.train.threads = at_once;
    Denoiser denoiser(config.model, 1);
    denoiser.set_channels_last(channels_last);
    AdamW optimizer(named_parameters(denoiser), config.optimizer);
    std::vector<double> losses;
    for (int i = 0; i < 3; ++i) losses.push_back(train_step(denoiser, optimizer, batches, config, 4 + i).loss);
    return std::pair(losses, denoiser.state());
  };
  for (const bool last : {false, true}) {
    channels_last = last;
    const auto [losses, state] = steps(1);
    for (const std::int64_t at_once : {2, 3}) {
      const auto [other_losses, other_state] = steps(at_once);
      EXPECT_EQ(losses, other_losses) << at_once;
      expect_equal(state, other_state);
    }
  }
  EXPECT_EQ(at::get_num_threads(), 1);
  at::set_num_threads(threads);
}

TEST_F(Trainer, ErrorInOneMicroBatchIsReported) {
  RunConfig config = tiny_config(folder_ / "data");
  config.train.threads = 2;
  const DataSet data = open_data_set(config.data.path, "train");
  TrainingStream stream;
  stream.batch_size = 1;
  std::vector<Batch> batches = {training_batches(data, config.data, stream)(0),
                                training_batches(data, config.data, stream)(1)};
  batches[1].is_target.fill_(false);
  const Denoiser denoiser(config.model, 1);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  test::expect_error(ExitCode::runtime, {"without a single target"},
                     [&] { train_step(denoiser, optimizer, batches, config, 0); });
}

TEST(RunConfig, LossOfNoisyDrawsNeedsNoisyDraws) {
  const auto refused = [](const char* yaml, const char* about) {
    test::expect_error(ExitCode::usage, {about}, [&] {
      RunConfig config;
      read_config_text(yaml, "run.yaml", {}, [&](Fields& f) { config.bind(f); });
    });
  };
  refused("loss: {lpips: 1}\ntrain: {regression_share: 1}", "train.regression_share");
  refused("loss: {rollout: 1, mode: regression}\ntrain: {regression_share: 0}", "loss.mode");
  refused("loss: {rollout: 1}\ntrain: {regression_share: 0}\nmodel: {output: edm}", "prior-residual");
  RunConfig config;
  read_config_text("loss: {lpips: 1, rollout: 1}\ntrain: {regression_share: 0.5}", "run.yaml", {},
                   [&](Fields& f) { config.bind(f); });
  EXPECT_EQ(config.loss.lpips, 1);
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

TEST_F(Trainer, LossFallsOnOneVehicle) {
  RunConfig config = tiny_config(folder_ / "data");
  config.train.regression_share = 1;
  config.optimizer.learning_rate = 3e-3;
  const DataSet data = open_data_set(config.data.path, "train");
  TrainingStream stream;
  stream.seed = 1;
  stream.batch_size = 2;
  const Batch batch = training_batches(data, config.data, stream)(0);
  const Denoiser denoiser(config.model, 1);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const double before = train_step(denoiser, optimizer, {batch}, config, 3).loss;
  double after = before;
  for (int i = 0; i < 40; ++i) after = train_step(denoiser, optimizer, {batch}, config, 3).loss;
  EXPECT_LT(after, 0.5 * before);
}

TEST_F(Trainer, StepThatIsNotFiniteChangesNothing) {
  const RunConfig config = tiny_config(folder_ / "data");
  const DataSet data = open_data_set(config.data.path, "train");
  TrainingStream stream;
  stream.batch_size = 2;
  Batch batch = training_batches(data, config.data, stream)(0);
  batch.colour.fill_(std::numeric_limits<float>::infinity());
  const Denoiser denoiser(config.model, 1);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  TensorMap before;
  for (const auto& [name, tensor] : denoiser.state()) before[name] = tensor.clone();
  EXPECT_FALSE(train_step(denoiser, optimizer, {batch}, config, 0).finite);
  expect_equal(before, denoiser.state());
  for (const auto& [name, tensor] : optimizer.state()) EXPECT_EQ(tensor.abs().sum().item<double>(), 0) << name;
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
