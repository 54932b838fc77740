// SPDX-License-Identifier: Apache-2.0
#include "model/distillation/distillation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <cmath>

#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::make_batch;
using test::max_difference;
using testing::HasSubstr;

SamplerConfig student(std::int64_t steps, double sigma_min) {
  SamplerConfig sampler;
  sampler.solver = Solver::euler;
  sampler.steps = steps;
  sampler.sigma_min = sigma_min;
  return sampler;
}

ModelConfig edm() {
  ModelConfig config = test::tiny_config();
  config.output = OutputForm::edm;
  return config;
}

// Data N(m, d²), whose probability-flow ODE has the solution x(σ) = m + (x(σ₀) − m)·√((σ² + d²)/(σ₀² + d²)).
constexpr double kMean = 0.3, kDeviation = 0.5;
at::Tensor exact_denoiser(const at::Tensor& x, double sigma) {
  const double d = kDeviation * kDeviation, s = sigma * sigma;
  return (x * d + s * kMean) / (s + d);
}
at::Tensor exact_path(const at::Tensor& x, double from, double to) {
  const double d = kDeviation * kDeviation;
  return kMean + (x - kMean) * std::sqrt((to * to + d) / (from * from + d));
}

TEST(Distillation, TeacherPassesTheStudentsLevels) {
  const DistillSchedule schedule = distill_schedule(edm(), student(3, 0.5), 4);
  ASSERT_EQ(schedule.student.sigmas.size(), 4U);
  ASSERT_EQ(schedule.teacher.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<double>& between = schedule.teacher[i];
    ASSERT_EQ(between.size(), 5U);  // four steps
    EXPECT_EQ(between.front(), schedule.student.sigmas[i]);
    EXPECT_EQ(between.back(), schedule.student.sigmas[i + 1]);
    for (std::size_t k = 1; k < between.size(); ++k) EXPECT_LT(between[k], between[k - 1]);
  }
  EXPECT_EQ(schedule.teacher[2][3], edm().sigma_min);
  // A prior-residual model's student begins with the regression, too, and its teacher ends at a tenth of the residual.
  const ModelConfig residual = test::tiny_config();
  const DistillSchedule two = distill_schedule(residual, student(2, 0), 4);
  EXPECT_TRUE(two.student.regression);
  ASSERT_EQ(two.teacher.size(), 1U);
  EXPECT_DOUBLE_EQ(two.teacher[0][0], 20 * residual.residual_scale);
  EXPECT_DOUBLE_EQ(two.teacher[0][3], residual.residual_scale / 10);
}

// With a teacher whose ODE is known: its points lie on the solution, and a student that gives the D that is asked for
// makes the teacher's many steps in 1, 2 or 3, from wherever it is.
TEST(Distillation, StudentOfAnExactTeacherLandsOnTheSolution) {
  const at::Tensor noise = test::random_normal({6, 3, 4, 5}, 5).to(at::kDouble);
  for (const std::int64_t steps : {1, 2, 3}) {
    const DistillSchedule schedule = distill_schedule(edm(), student(steps, 0.5), 160);
    const std::vector<double>& sigmas = schedule.student.sigmas;
    const at::Tensor start = noise * sigmas[0];
    const std::vector<at::Tensor> points = teacher_points(start, schedule, exact_denoiser);
    ASSERT_EQ(std::ssize(points), steps);
    at::Tensor x = start;
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_LT(max_difference(points[i], exact_path(start, sigmas[0], sigmas[i + 1])), 2e-3) << steps << ", " << i;
      const at::Tensor off = i == 0 ? x : x + 0.1 * noise;  // an earlier step's error
      x = euler_step(off, denoised_to_reach(points[i], off, sigmas[i], sigmas[i + 1]), sigmas[i], sigmas[i + 1]);
      EXPECT_LT(max_difference(x, points[i]), 1e-12);
    }
    // What the teacher itself makes of so few steps is far off.
    EXPECT_GT(max_difference(sample_euler(start, sigmas, exact_denoiser), points.back()), 0.1) << steps;
  }
}

// x̃ = (z″ − (σ″/σ)·z)/(α″ − (σ″/σ)·α) of Salimans & Ho 2022, with z = x and α = α″ = 1, on given numbers.
TEST(Distillation, TargetEqualsTheFormula) {
  const at::Tensor x = at::tensor({2.0, -1.0}, at::kDouble), point = at::tensor({0.5, 0.25}, at::kDouble);
  EXPECT_TRUE(at::allclose(denoised_to_reach(point, x, 4, 1), at::tensor({0.0, 2.0 / 3}, at::kDouble)));
  EXPECT_TRUE(denoised_to_reach(point, x, 4, 0).equal(point));
}

// Two models of one architecture; of a student with a regression and two levels everything is computed once more.
TEST(Distillation, LossEqualsAHandComputation) {
  const ModelConfig config = test::tiny_config();
  Denoiser of_teacher(config, 1), own(config, 1);
  test::randomise(of_teacher, 7);
  test::randomise(own, 8);
  const SamplerConfig sampler = student(3, 0.6);
  const Teacher teacher(of_teacher, sampler, {"", 3, 1});
  const Batch batch = make_batch({"rrrrtrrt", "t-rt---t"});
  LossOptions options;
  options.draws = 2;
  options.huber = 0.3;
  options.foreground_weight = 3;
  const TrainingLoss loss = distillation_loss(own, teacher, batch, options, 5);

  const at::NoGradGuard no_grad;
  const TrainingDraw draw = draw_training(own, batch, options, 5);
  const at::Tensor noise = draw.noise.noise;  // [5·2,12,8,12]
  const auto sigmas = noise_schedule(config, sampler).sigmas;
  ASSERT_EQ(sigmas.size(), 3U);
  const auto denoiser_of = [&](const Denoiser& denoiser) {
    const Conditioning c = denoiser.condition(batch, draw.arrangement);
    return [denoiser, c, cache = denoiser.encode_references(c)](const at::Tensor& x, double sigma) {
      return denoiser.denoise(x, at::full({x.size(0)}, sigma, at::kFloat), c, cache);
    };
  };
  const auto theirs = denoiser_of(of_teacher), ours = denoiser_of(own);
  const ViewLayout& layout = draw.arrangement.layout;
  const at::Tensor alpha = take_views(batch.alpha, layout.target_rows);
  double expected = 0, squares = 0;
  std::int64_t count = 0;
  const auto add = [&](const at::Tensor& d, const at::Tensor& wanted, double sigma) {
    const double s = config.residual_scale,
                 lambda = std::min(1 + s * s / (sigma * sigma), config.loss_weight_clip) / (s * s);
    const at::Tensor e2 = (d - wanted).square();
    const at::Tensor huber = 2 * 0.09 * ((e2 / 0.09 + 1).sqrt() - 1);
    const at::Tensor weight = layout.repeat_draws(own.autoencoder().pixel_weights(1 + 2 * alpha), d.size(0) / 5);
    expected += lambda * (huber * weight).to(at::kDouble).sum().item<double>();
    squares += e2.to(at::kDouble).sum().item<double>();
    count += e2.numel();
  };
  const at::Tensor none = at::zeros({5, noise.size(1), noise.size(2), noise.size(3)});
  const at::Tensor mean = theirs(none, 80), own_mean = ours(none, 80);
  add(own_mean, mean, 80);
  at::Tensor there = layout.repeat_draws(mean, 2) + noise * sigmas[0];
  at::Tensor here = layout.repeat_draws(own_mean, 2) + noise * sigmas[0];
  there = sample_dpmpp_2m(there, distill_schedule(config, sampler, 3).teacher[0], theirs);
  const double ratio = sigmas[1] / sigmas[0];
  const at::Tensor d = ours(here, sigmas[0]);
  add(d, (there - ratio * here) / (1 - ratio), sigmas[0]);
  here = d + ratio * (here - d);
  add(ours(here, sigmas[1]), sample_dpmpp_2m(there, distill_schedule(config, sampler, 3).teacher[1], theirs),
      sigmas[1]);
  EXPECT_NEAR(loss.sum.item<double>(), expected, 1e-4 * expected);
  EXPECT_NEAR(loss.squared_error.item<double>(), squares, 1e-4 * squares);
  EXPECT_EQ(loss.count, count);
}

TEST(Distillation, OnlyTheStudentHasGradientsAndTruthsHaveNoPart) {
  for (const ModelConfig& config : {edm(), test::tiny_config()}) {
    Denoiser of_teacher(config, 1), own(config, 1);
    test::randomise(of_teacher, 7);
    test::randomise(own, 8);
    const Teacher teacher(of_teacher, student(2, 0.5), {"", 2, 1});
    Batch batch = make_batch({"rrrrtrrt"});
    const TrainingLoss loss = distillation_loss(own, teacher, batch, {}, 5);
    loss.sum.backward();
    for (const auto& [name, parameter] : of_teacher.parameters()) {
      EXPECT_FALSE(parameter.requires_grad()) << name;
      EXPECT_FALSE(parameter.grad().defined()) << name;
    }
    for (const auto& [name, parameter] : own.parameters()) EXPECT_TRUE(parameter.grad().defined()) << name;
    batch.colour[0][4].fill_(0.5);  // a target
    EXPECT_TRUE(distillation_loss(own, teacher, batch, {}, 5).sum.equal(loss.sum.detach()));
    batch.colour[0][0].fill_(0.5);  // a reference
    EXPECT_FALSE(distillation_loss(own, teacher, batch, {}, 5).sum.equal(loss.sum.detach()));
  }
}

// A teacher sets out as generate() does, and arrives where as many steps of its sampler do.
TEST(Distillation, TeachersPathIsThatOfItsSampler) {
  const ModelConfig config = test::tiny_config();
  Denoiser denoiser(config, 1);
  test::randomise(denoiser, 7);
  const DistillConfig distill{"", 3, 1};
  const Batch batch = make_batch({"rrrrtrrr"});
  const Arrangement arrangement = denoiser.arrange(batch);
  const at::Tensor noise = test::random_normal({1, 12, 8, 12}, 4);
  const Teacher::Path path = Teacher(denoiser, student(2, 0), distill).path(batch, arrangement, noise);
  const SamplerConfig many = teacher_sampler(config, student(2, 0), distill);
  EXPECT_EQ(many.solver, Solver::dpmpp_2m);
  EXPECT_EQ(many.steps, 4);  // the regression and three
  const NoiseSchedule schedule = noise_schedule(config, many);
  const Conditioning c = denoiser.condition(batch, arrangement);
  const ReferenceCache cache = denoiser.encode_references(c);
  const DenoiseFunction d = [&](const at::Tensor& x, double sigma) {
    return denoiser.denoise(x, at::full({1}, sigma, at::kFloat), c, cache);
  };
  const at::NoGradGuard no_grad;
  const at::Tensor mean = d(at::zeros_like(noise), config.sigma_max);
  EXPECT_LT(max_difference(path.regression, mean), 1e-6);
  ASSERT_EQ(path.points.size(), 1U);
  const at::Tensor picture = sample_dpmpp_2m(mean + noise * schedule.sigmas[0], schedule.sigmas, d);
  EXPECT_LT(max_difference(path.points[0], picture), 1e-5);
}

TEST(Distillation, TeacherMayBeGuided) {
  ModelConfig config = edm();
  config.dropout.identity = 0.1;
  Denoiser denoiser(config, 1);
  test::randomise(denoiser, 7);
  const Batch batch = make_batch({"rrrrtrrr"});
  const Arrangement arrangement = denoiser.arrange(batch);
  const at::Tensor noise = test::random_normal({1, 12, 8, 12}, 4);
  const auto end = [&](double guidance) {
    return Teacher(denoiser, student(1, 0), {"", 2, guidance}).path(batch, arrangement, noise).points.back();
  };
  EXPECT_GT(max_difference(end(1), end(3)), 1e-3);
}

TEST(Distillation, NamesWhatSuitsNoStudent) {
  EXPECT_EQ(unfit_for_student(edm(), student(1, 0)), "");
  EXPECT_EQ(unfit_for_student(edm(), student(2, 0.5)), "");
  EXPECT_EQ(unfit_for_student(test::tiny_config(), student(2, 0)), "");
  EXPECT_THAT(unfit_for_student(test::tiny_config(), student(1, 0)), HasSubstr("sampler.steps"));
  SamplerConfig heun = student(2, 0.5);
  heun.solver = Solver::heun;
  EXPECT_THAT(unfit_for_student(edm(), heun), HasSubstr("sampler.solver"));
  // The default schedule's second step would begin at 0.002: the middle of 80, ?, 0.002 is proposed.
  EXPECT_THAT(unfit_for_student(edm(), student(2, 0)), HasSubstr("such as 2.5"));
}

}  // namespace
}  // namespace spinfill
