// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/loss.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <fmt/ranges.h>

#include <cmath>
#include <memory>
#include <set>
#include <string>

#include "data/priors/prior_image.h"
#include "model/cost/cost.h"
#include "model/cost/meta_kernels.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::make_batch;
using test::max_difference;

LossOptions regression() {
  LossOptions options;
  options.mode = LossMode::regression;
  return options;
}

// A fresh prior-residual model gives the prior image, so the loss of a regression can be had by hand:
// Σ (1/s²)·(1 + (w−1)·α)·(base − y)² with λ(σ_max) = (1 + s²/σ_max²)/s².
TEST(Loss, EqualsAHandComputation) {
  const ModelConfig config = test::tiny_config();
  const Denoiser denoiser(config, 1);
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  LossOptions options = regression();
  options.foreground_weight = 3;
  const TrainingLoss loss = training_loss(denoiser, batch, options, 5);
  const double s = config.residual_scale, lambda = 1 / (s * s) + 1 / (80.0 * 80.0);
  const at::Tensor base = mirror_or_prior_image(batch.priors, batch.background) * 2 - 1;
  double expected = 0, plain = 0;
  for (const auto& [b, v] : std::vector<std::pair<int, int>>{{0, 4}, {0, 7}, {1, 0}, {1, 3}, {1, 7}}) {
    const at::Tensor squared = (base[b][v] - (batch.colour[b][v] * 2 - 1)).square().to(at::kDouble);
    expected += (squared * (1 + 2 * batch.alpha[b][v])).sum().item<double>() * lambda;
    plain += squared.sum().item<double>();
  }
  EXPECT_NEAR(loss.sum.item<double>(), expected, 1e-4 * expected);
  EXPECT_NEAR(loss.squared_error.item<double>(), plain, 1e-4 * plain);
  EXPECT_EQ(loss.count, 5 * 3 * 16 * 24);
  EXPECT_TRUE(loss.sum.requires_grad());
}

// So that a GPU can record it: of what is drawn, the pass reads nothing back and sends nothing.
TEST(Loss, IsComputedOnTheDeviceAlone) {
  use_meta_kernels();
  static std::set<std::string> foreign;  // operations with an argument on the processor
  const auto watch = [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
    for (const c10::IValue& input : function.inputs()) {
      if (!input.isTensor() || !input.toTensor().defined()) continue;
      const at::Tensor& tensor = input.toTensor();
      const bool number = tensor.unsafeGetTensorImpl()->is_wrapped_number();  // part of the command
      if (tensor.is_cpu() && !number) foreign.insert(function.name());
    }
    return nullptr;
  };
  ModelConfig config = test::tiny_config();
  config.dropout = {.identity = 0.5, .references = 0.5, .priors = 0.5};
  for (const OutputForm output : {OutputForm::edm, OutputForm::prior_residual}) {
    config.output = output;
    for (const bool recompute : {false, true}) {
      Denoiser denoiser(config, 1, at::kMeta);
      denoiser.set_gradient_checkpointing(recompute);
      LossOptions options;
      options.draws = 2;
      options.huber = 0.1;
      options.rollout = config.output == OutputForm::edm ? 0 : 0.5;
      const Batch batch = blank_batch({{6, 2}, {5, 3}, {6, 2}}, 16, 24, at::kMeta);
      const TrainingDraw draw = draw_training(denoiser, batch, options, 1);
      foreign.clear();
      const auto handle = at::addThreadLocalCallback(
          at::RecordFunctionCallback(watch).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
      training_loss(denoiser, batch, draw, options).sum.backward();
      at::removeCallback(handle);
      EXPECT_TRUE(foreign.empty()) << name_of(output) << ": " << fmt::format("{}", fmt::join(foreign, ", "));
    }
  }
}

// Pseudo-Huber: e² for small errors, 2c|e| − 2c² for large ones.
TEST(Loss, PseudoHuberEqualsAHandComputation) {
  const ModelConfig config = test::tiny_config();
  const Denoiser denoiser(config, 1);
  const Batch batch = make_batch({"rrrrtrrr"});
  LossOptions options = regression();
  options.foreground_weight = 1;
  options.huber = 0.2;
  const double s = config.residual_scale, lambda = 1 / (s * s) + 1 / (80.0 * 80.0);
  const at::Tensor base = mirror_or_prior_image(batch.priors, batch.background)[0][4] * 2 - 1;
  const at::Tensor e = (base - (batch.colour[0][4] * 2 - 1)).to(at::kDouble);
  const at::Tensor expected = 2 * 0.04 * ((1 + (e / 0.2).square()).sqrt() - 1);
  const TrainingLoss loss = training_loss(denoiser, batch, options, 5);
  EXPECT_NEAR(loss.sum.item<double>(), expected.sum().item<double>() * lambda, 1e-4 * loss.sum.item<double>());
  EXPECT_NEAR(loss.squared_error.item<double>(), e.square().sum().item<double>(),
              1e-4 * e.square().sum().item<double>());
}

// A perceptual distance is taken of the pictures that draws with noise give, never of regressions.
TEST(Loss, PerceptualDistanceOfNoisyDrawsOnly) {
  const Denoiser denoiser(test::tiny_config(), 1);
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  LossOptions options;
  options.mode = LossMode::mixed;
  options.draws = 4;
  const auto seen = [&](const LossOptions& given) {
    std::int64_t rows = 0;
    const auto count = [&](const at::Tensor& pictures, const at::Tensor& truths) {
      EXPECT_EQ(pictures.sizes(), truths.sizes());
      EXPECT_EQ(pictures.sizes().slice(1), (at::IntArrayRef{3, 16, 24}));
      EXPECT_GE(truths.min().item<double>(), 0);
      EXPECT_LE(truths.max().item<double>(), 1);
      rows += pictures.size(0);
      return (pictures - truths).square().mean({1, 2, 3});
    };
    const double sum = training_loss(denoiser, batch, given, 5, count).sum.item<double>();
    return std::pair(rows, sum);
  };
  const auto [none, plain] = seen(options);
  EXPECT_EQ(none, 0);
  options.lpips = 2;
  const auto [rows, with] = seen(options);
  EXPECT_GT(rows, 0);
  EXPECT_LT(rows, 5 * 4);
  EXPECT_GT(with, plain);
  options.mode = LossMode::regression;
  EXPECT_EQ(seen(options).first, 0);
  options.mode = LossMode::diffusion;
  EXPECT_EQ(seen(options).first, 5 * 4);
  test::expect_error(ExitCode::runtime, {"loss.lpips"}, [&] { training_loss(denoiser, batch, options, 5); });
}

// With the squared error of pictures in [0,1] as the distance, a quarter of that of latents, the sum is known.
TEST(Loss, PerceptualDistanceCountsOncePerTargetValue) {
  const ModelConfig config = test::tiny_config();
  const Denoiser denoiser(config, 1);
  const Batch batch = make_batch({"rrrrtrrr"});
  LossOptions options;
  options.mode = LossMode::diffusion;
  const double plain = training_loss(denoiser, batch, options, 5).sum.item<double>();
  options.lpips = 3;
  const auto distance = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).square().mean({1, 2, 3}); };
  const TrainingLoss loss = training_loss(denoiser, batch, options, 5, distance);
  const double expected = plain + 3 * loss.squared_error.item<double>() / 4;
  EXPECT_NEAR(loss.sum.item<double>(), expected, 1e-5 * expected);
}

// The EDM form with F = 0: D = c_skip·x, so E[λ(D − y)²] over the noise is known in closed form, and is 1 for data of
// standard deviation σ_d: λ·(c_skip²·σ² + (1 − c_skip)²·y²).
TEST(Loss, EdmWeightsMakeEveryNoiseLevelEqual) {
  ModelConfig config = test::tiny_config();
  config.output = OutputForm::edm;
  config.noise_shift = false;
  config.noise_std = 0;
  LossOptions options;
  options.mode = LossMode::diffusion;
  options.foreground_weight = 1;
  options.draws = 8;
  for (const double ln_sigma : {-3.0, -1.0, 0.5, 2.0}) {
    config.noise_mean = ln_sigma;
    const Denoiser denoiser(config, 1);
    Batch batch = make_batch({"rrrrtrrt"}, 48, 48);
    batch.colour = at::where(batch.colour > 0.5, 0.75, 0.25).to(at::kFloat);  // latents ±0.5 = ±σ_d
    const TrainingLoss loss = training_loss(denoiser, batch, options, 5);
    EXPECT_NEAR(loss.sum.item<double>() / static_cast<double>(loss.count), 1, 0.05) << ln_sigma;
  }
}

TEST(Loss, ResidualWeightIsClipped) {
  const ModelConfig config = test::tiny_config();
  const Denoiser denoiser(config, 1);
  const Conditioning conditioning = denoiser.condition(make_batch({"rrrrtrrt"}));
  const double s = config.residual_scale;
  const at::Tensor weight = denoiser.loss_weight(at::tensor({0.01f, 0.3f}), conditioning);
  EXPECT_NEAR(weight[0].item<double>() * s * s, 5, 1e-5);
  EXPECT_NEAR(weight[1].item<double>() * s * s, 1 + s * s / 0.09, 1e-5);
}

// Only targets are scored, and references' truth matters only through the conditions.
TEST(Loss, AbsentViewsDoNotCount) {
  Denoiser denoiser(test::tiny_config(), 1);
  test::randomise(denoiser);
  const Batch batch = make_batch({"t-rt---t"});
  Batch other = batch;
  const at::Tensor absent = at::logical_not(at::logical_or(batch.is_reference, batch.is_target)).view({1, 8, 1, 1, 1});
  other.colour = at::where(absent, at::rand_like(other.colour), other.colour);
  other.alpha =
      at::where(at::logical_not(batch.is_target).view({1, 8, 1, 1, 1}), at::rand_like(other.alpha), other.alpha);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(training_loss(denoiser, batch, {}, 5).sum.equal(training_loss(denoiser, other, {}, 5).sum));
  other.colour = 1 - batch.colour;
  EXPECT_FALSE(training_loss(denoiser, batch, {}, 5).sum.equal(training_loss(denoiser, other, {}, 5).sum));
}

// (2 samples at once) = (1 + 1), as on two ranks: noise, levels, dropout and sums.
TEST(Loss, DoesNotDependOnTheSplit) {
  ModelConfig config = test::tiny_config();
  config.dropout = {0.5, 0.5, 0.5};
  Denoiser denoiser(config, 1);
  test::randomise(denoiser);
  const std::vector<std::string> slots = {"rrrrtrrt", "t-rt---t", "trrrrrtr"};
  LossOptions options;
  options.mode = LossMode::mixed;
  options.draws = 2;
  const at::NoGradGuard no_grad;
  const TrainingLoss together = training_loss(denoiser, make_batch(slots), options, 5);
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    Batch one = make_batch(slots);
    auto pick = [&](at::Tensor& t) { t = t.narrow(0, b, 1); };
    for (at::Tensor* t : {&one.colour,
                          &one.alpha,
                          &one.background,
                          &one.is_reference,
                          &one.is_target,
                          &one.azimuth_deg,
                          &one.vehicle_from_camera,
                          &one.intrinsics,
                          &one.cue,
                          &one.category,
                          &one.identity,
                          &one.priors.silhouette,
                          &one.priors.depth,
                          &one.priors.normal,
                          &one.priors.canonical,
                          &one.priors.warped,
                          &one.priors.warped_confidence,
                          &one.priors.mirrored,
                          &one.priors.mirrored_confidence,
                          &one.priors.flipped,
                          &one.priors.flipped_validity}) {
      pick(*t);
    }
    one.ids = {one.ids[static_cast<std::size_t>(b)]};
    one.samples = {one.samples[static_cast<std::size_t>(b)]};
    const TrainingLoss part = training_loss(denoiser, one, options, 5);
    sum += part.sum.item<double>();
    count += part.count;
  }
  EXPECT_NEAR(together.sum.item<double>(), sum, 1e-4 * std::abs(sum));
  EXPECT_EQ(together.count, count);
}

// ln σ ~ N(P_mean + ½ ln N, P_std²), one level per draw, shared by its targets; mixed draws σ_max with the given share.
TEST(Loss, NoiseLevelsHaveTheStatedDistribution) {
  const ModelConfig config = test::tiny_config();
  LossOptions options;
  options.mode = LossMode::diffusion;
  options.draws = 64;
  const Batch batch = make_batch(std::vector<std::string>(64, "rrrrtttt"), 2, 2);
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  const NoiseDraw draw = draw_training_noise(config, options, layout, batch.samples, 1, 1, 3);
  const at::Tensor levels = at::log(draw.sigma).view({-1, 4});
  EXPECT_TRUE(levels.select(1, 0).equal(levels.select(1, 3)));
  EXPECT_NEAR(levels.mean().item<double>(), -1.2 + 0.5 * std::log(4.0), 0.12);
  EXPECT_NEAR(levels.select(1, 0).std().item<double>(), 1.2, 0.08);
  EXPECT_NEAR(draw.noise.std().item<double>(), 1, 0.02);
  EXPECT_NEAR(draw.noise.mean().item<double>(), 0, 0.02);
  options.mode = LossMode::mixed;
  options.regression_share = 0.25;
  const NoiseDraw mixed = draw_training_noise(config, options, layout, batch.samples, 1, 1, 3);
  EXPECT_NEAR((mixed.sigma == 80).to(at::kDouble).mean().item<double>(), 0.25, 0.04);
  EXPECT_TRUE(mixed.noise.equal(draw.noise));
  EXPECT_FALSE(mixed.rolled.any().item<bool>());
  options.rollout = 0.5;
  const NoiseDraw rolled = draw_training_noise(config, options, layout, batch.samples, 1, 1, 3);
  EXPECT_TRUE(rolled.sigma.equal(mixed.sigma));
  EXPECT_TRUE(rolled.noise.equal(draw.noise));
  const at::Tensor noisy = rolled.sigma < 80;
  EXPECT_FALSE(rolled.rolled.masked_select(noisy.logical_not()).any().item<bool>());
  EXPECT_NEAR(rolled.rolled.masked_select(noisy).to(at::kDouble).mean().item<double>(), 0.5, 0.04);
}

// Behind a rollout lies what the sampler has behind its first step: the model's own regression under noise.
TEST(Loss, RolloutDenoisesTheModelsOwnRegression) {
  const at::NoGradGuard no_grad;
  const ModelConfig config = test::tiny_config();
  Denoiser denoiser(config, 1);
  test::randomise(denoiser);
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  LossOptions options;
  options.mode = LossMode::diffusion;
  options.draws = 2;
  const double from_truth = training_loss(denoiser, batch, options, 5).squared_error.item<double>();
  options.rollout = 1;
  const double rolled = training_loss(denoiser, batch, options, 5).squared_error.item<double>();
  EXPECT_NE(rolled, from_truth);

  const Conditioning conditioning = denoiser.condition(batch, draw_condition_drop(config.dropout, batch.samples, 5));
  const ReferenceCache cache = denoiser.encode_references(conditioning);
  const ViewLayout& layout = conditioning.layout;
  const at::Tensor clean = view_latents(batch, layout.target_rows, denoiser.autoencoder());
  const NoiseDraw draw = draw_training_noise(config, options, layout, batch.samples, clean.size(2), clean.size(3), 5);
  const at::Tensor own = denoiser.denoise(clean, at::full({layout.targets}, config.sigma_max), conditioning, cache);
  const at::Tensor x = layout.repeat_draws(own, 2) + draw.sigma.view({-1, 1, 1, 1}) * draw.noise;
  const at::Tensor d = denoiser.denoise(x, draw.sigma, conditioning, cache);
  const double expected = (d - layout.repeat_draws(clean, 2)).square().sum().item<double>();
  EXPECT_NEAR(rolled, expected, 1e-4 * expected);
}

// Gradient steps on one batch bring the loss down: gradients have the right sign all through. Random pictures differ
// from their prior image by five times residual_scale, so the steps must be long enough for F to get there.
TEST(Loss, Learns) {
  Denoiser denoiser(test::tiny_config(), 1);
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  std::vector<double> sums;
  constexpr int kSteps = 40;
  for (int step = 0; step < kSteps; ++step) {
    const TrainingLoss loss = training_loss(denoiser, batch, regression(), 5);
    sums.push_back(loss.sum.item<double>());
    (loss.sum / static_cast<double>(loss.count)).backward();
    const at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : denoiser.parameters()) {
      at::Tensor gradient = parameter.grad();
      at::Tensor(parameter).sub_(gradient.sign() * (6e-3 * (kSteps - step) / kSteps));
      gradient.zero_();
    }
  }
  EXPECT_LT(sums.back(), 0.8 * sums.front()) << fmt::format("{}", fmt::join(sums, " "));
}

}  // namespace
}  // namespace spinfill
