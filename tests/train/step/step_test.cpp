// SPDX-License-Identifier: Apache-2.0
#include "train/step/step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "data/batches/loader.h"
#include "data/open_data_set.h"
#include "support/support.h"
#include "train/tiny_run.h"

namespace spinfill {
namespace {

using test::tiny_config;

class TrainingSteps : public test::TinyRuns {};

TEST_F(TrainingSteps, AccumulationDoesNotChangeTheStep) {
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
TEST_F(TrainingSteps, StepDoesNotDependOnHowManyMicroBatchesRunAtOnce) {
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

TEST_F(TrainingSteps, ErrorInOneMicroBatchIsReported) {
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

TEST_F(TrainingSteps, LossFallsOnOneVehicle) {
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

TEST_F(TrainingSteps, StepThatIsNotFiniteChangesNothing) {
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

}  // namespace
}  // namespace spinfill
