// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/source_fields.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "data/priors/prior_image.h"
#include "model/denoiser/denoiser.h"
#include "model/denoiser/loss.h"
#include "model/sampling/generate.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::make_batch;
using test::max_difference;
using test::random_normal;

ModelConfig sources_config() {
  ModelConfig config = test::tiny_config();
  config.output = OutputForm::sources;
  config.prior_image = PriorImage::prior;
  return config;
}

SurfaceWarp surface_of(const Batch& batch) {
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  return {batch.prior_inputs(), batch.priors, layout.target_rows};
}

TEST(SourceFields, AnUntrainedModelIsTheHullWarp) {
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  const Denoiser fresh(sources_config(), 1);
  TargetFields fields;
  const at::Tensor pictures = generate(fresh, batch, {}, 0, {}, &fields);
  const PriorPicture warp = surface_of(batch).at({});
  const at::Tensor under = surface_of(batch).background().view({-1, 1, 3, 1, 1});
  const at::Tensor expected = (under + warp.alpha * (warp.colour - under)).squeeze(1);
  std::int64_t row = 0;
  for (const auto& [b, v] : std::vector<std::pair<int, int>>{{0, 4}, {0, 7}, {1, 0}, {1, 3}, {1, 7}}) {
    // The layout sorts its samples.
    double least = 1;
    for (row = 0; row < expected.size(0); ++row) least = std::min(least, max_difference(pictures[b][v], expected[row]));
    EXPECT_LT(least, 1e-5) << b << " " << v;
    EXPECT_EQ(fields.correction[b][v].abs().max().item<float>(), 0);
    EXPECT_GT(fields.coverage[b][v].max().item<float>(), 0);
  }
  EXPECT_EQ(fields.coverage[0][0].abs().max().item<float>(), 0) << "a reference";
}

// What is taken away and the correction, by hand.
TEST(SourceFields, MeanWhatTheySay) {
  const at::NoGradGuard no_grad;
  const ModelConfig config = sources_config();
  const Batch batch = make_batch({"rrrrtrrr"});
  const SurfaceWarp surface = surface_of(batch);
  at::Tensor network = at::zeros({1, 8, 8, 12});
  network.narrow(1, 0, 4).fill_(0.25);
  network.narrow(1, 4, 4).fill_(0.5);
  const SourceFields fields = source_fields(network, surface, config);
  const double correction = config.correction_limit * std::tanh(0.5);
  EXPECT_LT((fields.correction - correction).abs().max().item<double>(), 1e-6);
  const PriorPicture moved = surface.at(at::full({1, 1, 16, 24}, correction));
  EXPECT_LT(max_difference(fields.coverage, moved.alpha[0] * 0.75), 1e-6);
  const at::Tensor under = batch.background[0].view({1, 3, 1, 1});
  EXPECT_LT(max_difference(fields.picture, under + 0.75 * moved.alpha[0] * (moved.colour[0] - under)), 1e-5);
}

TEST(SourceFields, EveryOutputLearns) {
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  const Denoiser denoiser(sources_config(), 1);
  LossOptions options;
  options.mode = LossMode::regression;
  const auto gradient_of = [&](const LossOptions& with) {
    const TrainingLoss loss = training_loss(denoiser, batch, with, 5);
    EXPECT_TRUE(std::isfinite(loss.sum.item<double>()));
    for (const auto& [name, parameter] : denoiser.parameters())
      if (name == "unet.conv_out.bias") return torch::autograd::grad({loss.sum}, {parameter})[0];
    return at::Tensor();
  };
  const at::Tensor all = gradient_of(options);
  EXPECT_TRUE((all != 0).all().item<bool>()) << all;
  options.sources = options.coverage = 0;
  EXPECT_FALSE(gradient_of(options).equal(all));
}

// The losses of the sources by hand: an untrained model's picture and coverage are the warp's.
TEST(SourceFields, TheirLossesEqualAHandComputation) {
  const at::NoGradGuard no_grad;
  const ModelConfig config = sources_config();
  const Denoiser fresh(config, 1);
  const Batch batch = make_batch({"rrrrtrrr"});
  LossOptions options;
  options.mode = LossMode::regression;
  options.foreground_weight = 3;
  const auto sum_of = [&](double sources, double coverage) {
    LossOptions with = options;
    with.sources = sources;
    with.coverage = coverage;
    return training_loss(fresh, batch, with, 5).sum.item<double>();
  };
  const PriorPicture warp = surface_of(batch).at({});
  const at::Tensor truth = batch.colour[0][4], alpha = batch.alpha[0][4];
  const at::Tensor under = batch.background[0].view({3, 1, 1});
  const at::Tensor picture = under + warp.alpha[0][0] * (warp.colour[0][0] - under);
  const double s = config.residual_scale, lambda = 1 / (s * s) + 1 / (80.0 * 80.0);
  const at::Tensor weight = (1 + 2 * alpha) * lambda;
  const double colour = ((2 * (picture - truth)).square() * weight).sum().item<double>();
  const double outline = 3 * ((warp.alpha[0][0] - alpha).square() * weight).sum().item<double>();
  EXPECT_NEAR(sum_of(0, 0), colour, 1e-3 * colour);
  EXPECT_NEAR(sum_of(2, 0), 3 * colour, 3e-3 * colour);
  EXPECT_NEAR(sum_of(0, 1), colour + outline, 1e-3 * (colour + outline));
}

// An untrained model corrects nothing: its distance from the truth is the whole correction that is wanted.
TEST(SourceFields, TheLossOfDepthEqualsAHandComputation) {
  const at::NoGradGuard no_grad;
  const ModelConfig config = sources_config();
  const Denoiser fresh(config, 1);
  Batch batch = make_batch({"rrrrtrrr"});
  const double away = batch.vehicle_from_camera[0][4].narrow(0, 0, 3).select(1, 3).norm().item<double>();
  const at::Tensor hull = batch.priors.depth[0][4] + away;
  const at::Tensor seen = (batch.priors.silhouette[0][4] >= 0.5).to(at::kFloat);
  ASSERT_GT(seen.sum().item<double>(), 20);
  LossOptions options;
  options.mode = LossMode::regression;
  options.foreground_weight = 1;
  const auto sum_of = [&](double weight, double behind) {
    LossOptions with = options;
    with.depth = weight;
    batch.depth = at::zeros_like(batch.alpha);
    batch.depth[0][4].copy_(hull + behind);
    return training_loss(fresh, batch, with, 5).sum.item<double>();
  };
  const double limit = config.correction_limit, s = config.residual_scale;
  const double lambda = 1 / (s * s) + 1 / (80.0 * 80.0), count = seen.sum().item<double>();
  const double without = sum_of(0, 0);
  EXPECT_NEAR(sum_of(2, 0), without, 1e-4 * without) << "the hull is true";
  const double half = 2 * 3 * 0.25 * count * lambda;
  EXPECT_NEAR(sum_of(2, limit / 2) - without, half, 2e-3 * half);
  EXPECT_NEAR(sum_of(2, -1.5 * limit) - without, 4 * half, 8e-3 * half) << "no more than the correction can do";
  EXPECT_NEAR(sum_of(2, 3 * limit), without, 1e-4 * without) << "another part of the vehicle";
  batch.depth = at::Tensor();
  options.depth = 1;
  test::expect_error(ExitCode::runtime, {"the batch has no depth"}, [&] { training_loss(fresh, batch, options, 5); });
}

// Random close-ups of random priors, twice as large.
Batch with_close_ups(Batch batch) {
  batch.close_ups = blank_close_ups(batch.size(), batch.colour.size(3), batch.colour.size(4), 2, at::kCPU);
  std::uint64_t seed = 40;
  for (at::Tensor* map : batch.close_ups.all())
    if (map->scalar_type() == at::kFloat) map->copy_(test::random_uniform(map->sizes(), seed++));
  batch.close_ups.corner.mul_(10).floor_();
  batch.close_ups.intrinsics = 2 * batch.intrinsics;
  return batch;
}

SurfaceWarp close_up_surface(const Batch& batch, const at::Tensor& rows) {
  const CloseUps& c = batch.close_ups;
  PriorInputs large = batch.prior_inputs();
  large.colour = c.colour;
  large.alpha = c.alpha;
  large.intrinsics = c.intrinsics;
  return {large, batch.priors, {c.point, c.normal, c.direction, c.silhouette}, rows};
}

TEST(SourceFields, AreBroughtToWindowsBilinearly) {
  const at::NoGradGuard no_grad;
  const Batch batch = with_close_ups(make_batch({"rrrrtrrt"}));
  const at::Tensor rows = at::tensor({4, 7}, at::kLong), corner = batch.close_ups.corner.flatten(0, 1).index({rows});
  SourceFields fields;
  fields.taken = random_normal({2, 1, 16, 24}, 6);
  fields.correction = 0.01 * random_normal({2, 1, 16, 24}, 7);
  const SourceFields close = close_up_fields(fields, close_up_surface(batch, rows), corner, 2);
  const auto places = [&](std::int64_t to, std::int64_t axis) {
    return (at::arange(to) + 0.5 + corner.select(1, axis).unsqueeze(1)) / static_cast<double>(2 * to) * 2 - 1;
  };
  const at::Tensor x = places(24, 0).view({2, 1, 24}).expand({2, 16, 24}),
                   y = places(16, 1).view({2, 16, 1}).expand({2, 16, 24});
  const auto looked_up = [&](const at::Tensor& field) {
    return at::grid_sampler(field, at::stack({x, y}, 3).to(at::kFloat), 0, /*padding: border*/ 1, false);
  };
  EXPECT_LT(max_difference(close.taken, looked_up(fields.taken)), 1e-5);
  EXPECT_LT(max_difference(close.correction, looked_up(fields.correction)), 1e-7);
}

// An untrained model's windows are the warp's.
TEST(SourceFields, TheLossOfCloseUpsEqualsAHandComputation) {
  const at::NoGradGuard no_grad;
  const ModelConfig config = sources_config();
  const Denoiser fresh(config, 1);
  const Batch batch = with_close_ups(make_batch({"rrrrtrrr"}));
  LossOptions options;
  options.mode = LossMode::regression;
  options.foreground_weight = 3;
  options.coverage = 0.5;
  const PerceptualDistance perceptual = [](const at::Tensor& pictures, const at::Tensor& truths) {
    return (pictures - truths).abs().mean({1, 2, 3});
  };
  const auto sum_of = [&](double close_up, double lpips) {
    LossOptions with = options;
    with.close_up = close_up;
    with.close_up_lpips = lpips;
    return training_loss(fresh, batch, with, 5, perceptual).sum.item<double>();
  };
  const PriorPicture warp = close_up_surface(batch, at::full({1}, 4, at::kLong)).at({});
  const at::Tensor truth = batch.close_ups.truth[0][4], alpha = batch.close_ups.truth_alpha[0][4];
  const at::Tensor under = batch.background[0].view({3, 1, 1});
  const at::Tensor picture = under + warp.alpha[0][0] * (warp.colour[0][0] - under);
  const double s = config.residual_scale, lambda = 1 / (s * s) + 1 / (80.0 * 80.0), without = sum_of(0, 0);
  const at::Tensor weight = (1 + 2 * alpha) * lambda;
  const double colour = ((2 * (picture - truth)).square() * weight).sum().item<double>();
  const double outline = 0.5 * 3 * ((warp.alpha[0][0] - alpha).square() * weight).sum().item<double>();
  const double distance = lambda * (picture - truth).abs().mean().item<double>() * 3 * 16 * 24;
  EXPECT_NEAR(sum_of(2, 0) - without, 2 * (colour + outline), 2e-3 * (colour + outline));
  EXPECT_NEAR(sum_of(0, 3) - without, 3 * distance, 3e-3 * distance);
  options.close_up = 1;
  test::expect_error(ExitCode::runtime, {"has no close-ups"},
                     [&] { training_loss(fresh, make_batch({"rrrrtrrr"}), options, 5); });
}

// Windows of the photographs' size teach the correction and what is taken away, and nothing else.
TEST(SourceFields, CloseUpsReachTheFieldsAlone) {
  const Batch batch = with_close_ups(make_batch({"rrrrtrrt", "t-rt---t"}));
  const Denoiser denoiser(sources_config(), 1);
  LossOptions options;
  options.mode = LossMode::regression;
  const auto gradient_of = [&](const LossOptions& with) {
    const TrainingLoss loss = training_loss(denoiser, batch, with, 5);
    for (const auto& [name, parameter] : denoiser.parameters())
      if (name == "unet.conv_out.bias") return torch::autograd::grad({loss.sum}, {parameter})[0];
    return at::Tensor();
  };
  LossOptions with = options;
  with.close_up = 1;
  const at::Tensor change = gradient_of(with) - gradient_of(options);
  const std::int64_t residual = change.size(0) - 8;
  EXPECT_EQ(change.narrow(0, 0, residual).abs().max().item<float>(), 0);
  EXPECT_TRUE((change.narrow(0, residual, 8) != 0).all().item<bool>()) << change;
}

TEST(SourceFields, DroppedPriorsLeaveTheResidualAlone) {
  const at::NoGradGuard no_grad;
  const Batch batch = make_batch({"rrrrtrrr"});
  Denoiser denoiser(sources_config(), 1);
  test::randomise(denoiser);
  const ConditionDrop drop{{}, {}, at::ones({1}, at::kBool), {}};
  const Conditioning conditioning = denoiser.condition(batch, drop);
  const at::Tensor x = random_normal({1, 12, 8, 12}, 5), sigma = at::full({1}, 0.3);
  const ReferenceCache cache = denoiser.encode_references(conditioning);
  const at::Tensor with = denoiser.denoise(x, sigma, conditioning, cache);
  Batch other = batch;
  other.priors.canonical = batch.priors.canonical + 0.1;
  const Conditioning moved = denoiser.condition(other, drop);
  EXPECT_TRUE(with.equal(denoiser.denoise(x, sigma, moved, cache))) << "the surface still shows";
}

TEST(SourceFields, DrawsEqualSeparateCalls) {
  const at::NoGradGuard no_grad;
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  Denoiser denoiser(sources_config(), 1);
  test::randomise(denoiser);
  const Conditioning conditioning = denoiser.condition(batch);
  const ReferenceCache cache = denoiser.encode_references(conditioning);
  const ViewLayout& layout = conditioning.layout;
  const at::Tensor one = random_normal({layout.targets, 12, 8, 12}, 5), sigma = at::full({layout.targets}, 0.3);
  const at::Tensor alone = denoiser.denoise(one, sigma, conditioning, cache);
  const at::Tensor twice =
      denoiser.denoise(layout.repeat_draws(one, 2), layout.repeat_draws(sigma, 2), conditioning, cache);
  EXPECT_LT(max_difference(twice, layout.repeat_draws(alone, 2)), 1e-4);
}

}  // namespace
}  // namespace spinfill
