// SPDX-License-Identifier: Apache-2.0
#include "model/network/recompute.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/side_by_side.h"
#include "model/autocast.h"
#include "model/denoiser/loss.h"
#include "model/tiny.h"

namespace spinfill {
namespace {

using test::make_batch;
using test::max_difference;

struct Gradients {
  at::Tensor loss;
  std::vector<at::Tensor> of_parameters;
};

Gradients gradients_of(Denoiser& denoiser, const std::vector<std::string>& slots, std::int64_t draws = 1) {
  LossOptions options;
  options.mode = LossMode::mixed;
  options.draws = draws;
  options.rollout = 0.5;
  Batch batch = make_batch(slots);
  for (std::int64_t i = 0; i < std::ssize(slots); ++i) batch.samples.push_back(i);
  batch.samples.resize(slots.size());
  const TrainingLoss loss = training_loss(denoiser, batch, options, 5);
  std::vector<at::Tensor> parameters;
  for (const auto& [name, tensor] : denoiser.parameters()) parameters.push_back(tensor);
  return {loss.sum.detach(), torch::autograd::grad({loss.sum}, parameters, {}, {}, false, true)};
}

Denoiser tiny_denoiser() {
  Denoiser denoiser(test::tiny_config(), 1);
  test::randomise(denoiser);
  return denoiser;
}

void expect_same_bits(const Gradients& a, const Gradients& b) {
  EXPECT_TRUE(at::equal(a.loss, b.loss));
  ASSERT_EQ(a.of_parameters.size(), b.of_parameters.size());
  std::int64_t reached = 0;
  for (std::size_t i = 0; i < a.of_parameters.size(); ++i) {
    ASSERT_EQ(a.of_parameters[i].defined(), b.of_parameters[i].defined()) << i;
    if (!a.of_parameters[i].defined()) continue;
    EXPECT_TRUE(at::equal(a.of_parameters[i], b.of_parameters[i])) << i;
    reached += a.of_parameters[i].abs().max().item<double>() > 0 ? 1 : 0;
  }
  EXPECT_GT(reached, std::ssize(a.of_parameters) / 2);
}

// References' and targets' pass, several draws, a sample without references, both precisions.
TEST(GradientCheckpointing, GivesTheSameBits) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    Denoiser denoiser = tiny_denoiser();
    denoiser.set_autocast(dtype);
    for (const std::vector<std::string>& slots :
         std::vector<std::vector<std::string>>{{"rrrrtrrt", "trr-r-rt"}, {"rrrrtrrt", "--t-----"}, {"--t-----"}}) {
      denoiser.set_gradient_checkpointing(false);
      const Gradients plain = gradients_of(denoiser, slots, 2);
      denoiser.set_gradient_checkpointing(true);
      expect_same_bits(gradients_of(denoiser, slots, 2), plain);
    }
  }
}

TEST(GradientCheckpointing, WorksInThreadsOfItsOwn) {
  Denoiser denoiser = tiny_denoiser();
  const Gradients plain = gradients_of(denoiser, {"rrrrtrrt"});
  denoiser.set_gradient_checkpointing(true);
  for (const Gradients& own : side_by_side(3, [&](std::size_t) { return gradients_of(denoiser, {"rrrrtrrt"}); }))
    expect_same_bits(own, plain);
}

// What a segment's parameters need of a node none of whose inputs needs a gradient.
TEST(GradientCheckpointing, TrainsParametersBehindInputsWithoutGradient) {
  const at::Tensor w = at::full({3}, 2.0f).requires_grad_(true), frozen = at::full({3}, 5.0f),
                   x = at::arange(3, at::kFloat);
  const auto out =
      recomputed([&](const std::vector<at::Tensor>& in) { return std::vector{in[0] * w * frozen}; }, {x}, {w, frozen});
  out[0].sum().backward();
  ASSERT_TRUE(w.grad().defined());
  EXPECT_TRUE(at::equal(w.grad(), x * 5));
}

TEST(GradientCheckpointing, KeepsTheInputsAlone) {
  int runs = 0;
  const at::Tensor x = at::ones({4}).requires_grad_(true);
  const Segment segment = [&](const std::vector<at::Tensor>& in) {
    ++runs;
    return std::vector{in[0].exp().exp()};
  };
  const auto out = recomputed(segment, {x}, {});
  EXPECT_EQ(runs, 1);
  out[0].sum().backward();
  EXPECT_EQ(runs, 2);
  const at::NoGradGuard no_grad;
  recomputed(segment, {x}, {});
  EXPECT_EQ(runs, 3);
}

TEST(Bf16, IsCloseToFloat32AndKeepsItsWeights) {
  Denoiser denoiser = tiny_denoiser();
  const Gradients plain = gradients_of(denoiser, {"rrrrtrrt", "trr-r-rt"});
  denoiser.set_autocast(at::kBFloat16);
  const Gradients half = gradients_of(denoiser, {"rrrrtrrt", "trr-r-rt"});
  EXPECT_FALSE(at::equal(half.loss, plain.loss));
  EXPECT_NEAR(half.loss.item<double>(), plain.loss.item<double>(), 0.05 * plain.loss.item<double>());
  double error = 0, size = 0;
  for (std::size_t i = 0; i < plain.of_parameters.size(); ++i) {
    if (!plain.of_parameters[i].defined()) continue;
    EXPECT_EQ(half.of_parameters[i].scalar_type(), at::kFloat);
    error += (half.of_parameters[i] - plain.of_parameters[i]).square().sum().item<double>();
    size += plain.of_parameters[i].square().sum().item<double>();
  }
  EXPECT_LT(std::sqrt(error / size), 0.1);
  EXPECT_EQ(denoiser.dtype(), at::kFloat);
}

// Weights changed in place are the ones used, also within one region, and one used first without gradients gets one.
TEST(Bf16, NoStaleCopyOfAWeightIsUsed) {
  const at::Tensor w = at::ones({4, 4}).requires_grad_(true), x = at::ones({1, 4});
  const Autocast outer({at::kCPU, at::kBFloat16});
  const auto product = [&] { return at::linear(x, w).sum(); };
  {
    const at::NoGradGuard no_grad;
    EXPECT_EQ(product().item<float>(), 16);
    w.mul_(2);
  }
  const at::Tensor after = product();
  EXPECT_EQ(after.item<float>(), 32);
  ASSERT_TRUE(after.requires_grad());
  after.backward();
  EXPECT_TRUE(w.grad().defined());
}

TEST(Bf16, TheStateBeforeComesBack) {
  {
    const Autocast outer({at::kCPU, at::kBFloat16});
    EXPECT_EQ(Autocast::current(at::kCPU).dtype, at::kBFloat16);
    {
      const Autocast inner({at::kCPU, at::kFloat});
      EXPECT_EQ(Autocast::current(at::kCPU).dtype, at::kFloat);
    }
    EXPECT_EQ(Autocast::current(at::kCPU).dtype, at::kBFloat16);
  }
  EXPECT_EQ(Autocast::current(at::kCPU).dtype, at::kFloat);
  EXPECT_EQ(at::linear(at::ones({1, 4}), at::ones({4, 4})).scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace spinfill
