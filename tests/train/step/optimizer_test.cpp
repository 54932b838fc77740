// SPDX-License-Identifier: Apache-2.0
#include "train/step/optimizer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "support/support.h"

namespace spinfill {
namespace {

OptimizerConfig example_config() {
  OptimizerConfig config;
  config.weight_decay = 0.1;
  config.beta1 = 0.9;
  config.beta2 = 0.95;
  config.epsilon = 1e-8;
  return config;
}

// tests/fixtures/train/make_fixtures.py: five steps of torch.optim.AdamW with clipping to 1.5.
TEST(AdamW, FollowsPyTorch) {
  const TensorMap reference = read_safetensors(test::fixture("train/adamw.safetensors")).tensors;
  std::vector<NamedParameter> parameters;
  for (const char* name : {"weight", "bias"}) {
    parameters.push_back({name, reference.at(std::string(name) + ".0").clone().set_requires_grad(true)});
  }
  AdamW optimizer(parameters, example_config());
  for (int step = 0; step < 5; ++step) {
    for (auto& [name, tensor, decays] : parameters) {
      tensor.mutable_grad() = reference.at(fmt::format("{}_grad.{}", name, step)).clone();
    }
    const double norm = optimizer.gradient_norm().item<double>();
    EXPECT_NEAR(norm, reference.at(fmt::format("norm.{}", step)).item<double>(), 1e-5);
    optimizer.clip_gradients(norm, 1.5);
    optimizer.step(1e-2);
    for (const auto& [name, tensor, decays] : parameters) {
      const at::Tensor expected = reference.at(fmt::format("{}.{}", name, step + 1));
      EXPECT_LT((tensor - expected).abs().max().item<double>(), 1e-6) << name << " after step " << step;
    }
  }
}

TEST(AdamW, StateRoundTripContinuesTheSameTrajectory) {
  const auto make = [] { return at::arange(6, at::kFloat).view({2, 3}).clone().set_requires_grad(true); };
  const auto gradient = [](int step) { return at::full({2, 3}, 0.1f * static_cast<float>(step + 1)); };
  at::Tensor whole = make();
  AdamW uninterrupted({{"w", whole}}, example_config());
  for (int step = 0; step < 4; ++step) {
    whole.mutable_grad() = gradient(step);
    uninterrupted.step(0.1);
  }
  at::Tensor first = make();
  AdamW before({{"w", first}}, example_config());
  for (int step = 0; step < 2; ++step) {
    first.mutable_grad() = gradient(step);
    before.step(0.1);
  }
  at::Tensor second = first.detach().clone().set_requires_grad(true);
  AdamW after({{"w", second}}, example_config());
  after.load_state(before.state(), "test");
  for (int step = 2; step < 4; ++step) {
    second.mutable_grad() = gradient(step);
    after.step(0.1);
  }
  EXPECT_TRUE(at::equal(whole, second));
}

TEST(AdamW, RefusesAnotherModelsState) {
  AdamW optimizer({{"w", at::zeros({2, 2}).set_requires_grad(true)}}, example_config());
  TensorMap state = optimizer.state();
  state.erase("exp_avg.w");
  test::expect_error(ExitCode::runtime, {"here", "exp_avg.w", "missing"}, [&] { optimizer.load_state(state, "here"); });
  state = optimizer.state();
  state["exp_avg.w"] = at::zeros({3});
  test::expect_error(ExitCode::runtime, {"exp_avg.w", "shape"}, [&] { optimizer.load_state(state, "here"); });
  state = optimizer.state();
  state["exp_avg.other"] = at::zeros({3});
  test::expect_error(ExitCode::runtime, {"exp_avg.other", "unexpected"}, [&] { optimizer.load_state(state, "here"); });
}

TEST(Ema, MovesByOneMinusDecayAndLeavesTheWeights) {
  const std::vector<at::Tensor> ema = {at::full({2}, 1.0f)}, weights = {at::full({2}, 3.0f)};
  update_ema(ema, weights, 0.75);
  EXPECT_FLOAT_EQ(ema[0][0].item<float>(), 1.5f);
  EXPECT_FLOAT_EQ(weights[0][0].item<float>(), 3.0f);
}

}  // namespace
}  // namespace spinfill
