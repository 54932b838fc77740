// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <functional>

#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::make_batch;
using test::max_difference;

// Data N(m, d²): D(x; σ) = (d²·x + σ²·m)/(σ² + d²), and the probability-flow ODE has the solution
// x(σ) = m + (x(σ₀) − m)·√((σ² + d²)/(σ₀² + d²)).
constexpr double kMean = 0.3, kDeviation = 0.5;
at::Tensor gaussian(const at::Tensor& x, double sigma) {
  const double d = kDeviation * kDeviation, s = sigma * sigma;
  return (x * d + s * kMean) / (s + d);
}
double exact(double x, double from, double to) {
  const double d = kDeviation * kDeviation;
  return kMean + (x - kMean) * std::sqrt((to * to + d) / (from * from + d));
}

using SolverFunction = std::function<at::Tensor(at::Tensor, const std::vector<double>&, const DenoiseFunction&)>;
at::Tensor heun(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& f) {
  return sample_heun(x, sigmas, f);
}

TEST(Sampler, KarrasSchedule) {
  const auto sigmas = karras_sigmas(5, 0.002, 80, 7);
  const Json stored = read_json(test::fixture("model/samplers.json"));
  ASSERT_EQ(sigmas.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(sigmas[i], stored.at("karras5").at(i).get<double>(), 1e-6 * sigmas[0]);
  EXPECT_EQ(sigmas.front(), 80);
  EXPECT_EQ(sigmas[4], 0.002);
  EXPECT_EQ(sigmas.back(), 0);
  EXPECT_EQ(karras_sigmas(1, 0.002, 80, 7), (std::vector<double>{80, 0}));
  test::expect_error(ExitCode::usage, {"schedule"}, [] { karras_sigmas(0, 0.002, 80, 7); });
}

// Trajectories of independent implementations (make_samplers.py).
TEST(Sampler, EqualsReferenceImplementations) {
  const Json stored = read_json(test::fixture("model/samplers.json"));
  const at::Tensor x = at::tensor(stored.at("x").get<std::vector<double>>(), at::kDouble);
  const std::vector<std::pair<std::string, SolverFunction>> solvers = {
      {"euler", sample_euler}, {"heun", heun}, {"dpmpp-2m", sample_dpmpp_2m}};
  for (const auto& [name, solver] : solvers) {
    for (const std::int64_t steps : {1, 2, 5, 12}) {
      const at::Tensor ours = solver(x, karras_sigmas(steps, 0.002, 80, 7), gaussian);
      const auto values = stored.at(name).at(std::to_string(steps)).get<std::vector<double>>();
      EXPECT_LT(max_difference(ours, at::tensor(values, at::kDouble)), 2e-5) << name << ", " << steps << " steps";
    }
  }
}

double error(const SolverFunction& solver, int steps) {
  // Without the last step to 0, so that the order shows: from 10 to 0.1 in equal steps of ln σ.
  std::vector<double> sigmas;
  for (int i = 0; i <= steps; ++i) sigmas.push_back(10 * std::pow(0.01, static_cast<double>(i) / steps));
  const at::Tensor x = at::full({1}, 7.0, at::kDouble);
  return std::abs(solver(x, sigmas, gaussian).item<double>() - exact(7, 10, 0.1));
}

TEST(Sampler, OrderOfConvergence) {
  const std::vector<std::tuple<const char*, SolverFunction, double>> solvers = {
      {"euler", sample_euler, 1}, {"heun", heun, 2}, {"dpmpp-2m", sample_dpmpp_2m, 2}};
  for (const auto& [name, solver, order] : solvers) {
    const double measured = std::log2(error(solver, 160) / error(solver, 320));
    EXPECT_NEAR(measured, order, 0.25) << name;
  }
}

// With churn the result has the data's distribution all the same.
TEST(Sampler, StochasticHeunKeepsTheDistribution) {
  SamplerConfig config;
  config.churn = 30;
  config.churn_noise = 1;
  std::uint64_t seed = 100;
  const std::int64_t count = 40000;
  auto noise = [&] { return test::random_normal({count}, seed++).to(at::kDouble); };
  int calls = 0;
  const DenoiseFunction counted = [&](const at::Tensor& x, double sigma) {
    ++calls;
    return gaussian(x, sigma);
  };
  const at::Tensor x = sample_heun(noise() * 80, karras_sigmas(40, 0.002, 80, 7), counted, config, noise);
  EXPECT_NEAR(x.mean().item<double>(), kMean, 0.01);
  EXPECT_NEAR(x.std().item<double>(), kDeviation, 0.02);
  EXPECT_EQ(calls, evaluations(Solver::heun, 40));
  const at::Tensor start = noise() * 80;
  const std::uint64_t before = seed;
  const at::Tensor first = sample_heun(start, karras_sigmas(10, 0.002, 80, 7), gaussian, config, noise);
  EXPECT_GT(seed, before);
  EXPECT_GT(max_difference(first, sample_heun(start, karras_sigmas(10, 0.002, 80, 7), gaussian)), 0.01);
}

SamplerConfig steps(std::int64_t count, Solver solver = Solver::dpmpp_2m) {
  SamplerConfig config;
  config.steps = count;
  config.solver = solver;
  return config;
}

struct Case {
  explicit Case(const std::vector<std::string>& slots, const ModelConfig& config = test::tiny_config())
      : denoiser(config, 1), batch(make_batch(slots)) {
    test::randomise(denoiser);
  }
  at::Tensor run(const SamplerConfig& config, std::uint64_t seed = 4) const {
    return generate(denoiser, batch, config, seed);
  }
  Denoiser denoiser;
  Batch batch;
};

const std::vector<std::string> kGiven = {"rrrrtrrt", "t-rt---t"};

TEST(Generate, KeepsReferencesAndLeavesAbsentViewsZero) {
  const Case c(kGiven);
  for (const SamplingMode mode : {SamplingMode::joint, SamplingMode::sequential}) {
    SamplerConfig config = steps(2);
    config.mode = mode;
    const at::Tensor pictures = c.run(config);
    ASSERT_EQ(pictures.sizes(), c.batch.colour.sizes());
    const at::Tensor reference = c.batch.is_reference.view({2, 8, 1, 1, 1}).expand_as(pictures);
    EXPECT_TRUE(pictures.masked_select(reference).equal(c.batch.colour.masked_select(reference)));
    EXPECT_EQ(pictures[1][1].abs().max().item<double>(), 0);
    EXPECT_GT(pictures[1][0].std().item<double>(), 0.01);
    EXPECT_GE(pictures.min().item<double>(), 0);
    EXPECT_LE(pictures.max().item<double>(), 1);
  }
}

TEST(Generate, IsAFunctionOfSeedAndSample) {
  const Case c(kGiven);
  EXPECT_TRUE(c.run(steps(3)).equal(c.run(steps(3))));
  EXPECT_FALSE(c.run(steps(3), 4).equal(c.run(steps(3), 5)));
  Case other(kGiven);
  other.batch.samples = {100, 999};
  const at::Tensor a = c.run(steps(3)), b = other.run(steps(3));
  EXPECT_LT(max_difference(a[0], b[0]), 1e-5);
  EXPECT_GT(max_difference(a[1], b[1]), 1e-3);
}

TEST(Generate, DoesNotDependOnTheRestOfTheBatch) {
  const Case together(kGiven);
  Case alone(kGiven);
  alone.batch.is_target[0].fill_(false);
  alone.batch.is_reference[0].fill_(false);
  for (const Solver solver : {Solver::euler, Solver::heun, Solver::dpmpp_2m}) {
    for (const SamplingMode mode : {SamplingMode::joint, SamplingMode::sequential}) {
      SamplerConfig config = steps(4, solver);
      config.mode = mode;
      const at::Tensor pictures = together.run(config);
      EXPECT_TRUE(pictures[1].equal(alone.run(config)[1])) << name_of(solver);
      EXPECT_TRUE(pictures[1].equal(generate(together.denoiser, together.batch.one(1), config, 4)[0]));
      EXPECT_TRUE(pictures[0].equal(generate(together.denoiser, together.batch.one(0), config, 4)[0]));
    }
  }
}

// Nothing of the targets' truth leaks: bit-identical whatever stands there.
TEST(Generate, NeverReadsTheTruth) {
  for (const SamplingMode mode : {SamplingMode::joint, SamplingMode::sequential}) {
    Case c(kGiven);
    SamplerConfig config = steps(2);
    config.mode = mode;
    const at::Tensor before = c.run(config);
    const at::Tensor hidden = at::logical_not(c.batch.is_reference).view({2, 8, 1, 1, 1});
    c.batch.colour = at::where(hidden, at::full_like(c.batch.colour, NAN), c.batch.colour);
    c.batch.alpha = at::where(hidden, at::full_like(c.batch.alpha, NAN), c.batch.alpha);
    EXPECT_TRUE(c.run(config).equal(before)) << name_of(mode);
  }
}

TEST(Generate, CachedEqualsUncached) {
  const Case c(kGiven);
  SamplerConfig config = steps(4);
  const at::Tensor cached = c.run(config);
  config.cache = false;
  EXPECT_LT(max_difference(c.run(config), cached), 1e-4);
}

// Sequential: what is generated first is a reference for what comes next.
TEST(Generate, SequentialUsesWhatItGenerated) {
  const Case c({"r-tt----"});
  SamplerConfig config = steps(1);
  config.mode = SamplingMode::sequential;
  const at::Tensor pictures = c.run(config);
  Batch second = c.batch;
  second.colour = pictures.clone();
  second.is_reference[0][2] = true;
  second.is_target[0][2] = false;
  EXPECT_LT(max_difference(generate(c.denoiser, second, steps(1), 4)[0][3], pictures[0][3]), 1e-5);
  EXPECT_GT(max_difference(c.run(steps(1))[0][3], pictures[0][3]), 1e-4);
}

// D = D_∅ + g·(D_c − D_∅): g = 0 is the unconditional branch, g = 2 as far beyond as the condition reaches.
TEST(Generate, GuidanceDirection) {
  ModelConfig config = test::tiny_config();
  config.dropout = {0.1, 0.1, 0.1};
  Case c({"rrrrtrrt"}, config);
  // A small response, so that nothing is clamped.
  for (const auto& [name, parameter] : c.denoiser.parameters()) {
    if (name.starts_with("unet.conv_out")) {
      const at::NoGradGuard no_grad;
      at::Tensor(parameter).mul_(0.05);
    }
  }
  c.batch.priors.flipped = c.batch.priors.flipped * 0.2 + 0.4;
  c.batch.priors.warped = c.batch.priors.warped * 0.2 + 0.4;
  c.batch.priors.mirrored = c.batch.priors.mirrored * 0.2 + 0.4;
  c.batch.background = c.batch.background * 0.2 + 0.4;
  auto guided = [&](double g) {
    SamplerConfig sampler = steps(1);
    sampler.guidance = g;
    return c.run(sampler)[0][4];
  };
  const at::Tensor unconditional = guided(0), conditional = guided(1), beyond = guided(2);
  EXPECT_GT(max_difference(unconditional, conditional), 1e-3);
  EXPECT_LT(max_difference(beyond, conditional * 2 - unconditional), 1e-5);
  // The unconditional branch does not know the references' pictures.
  const at::Tensor before = guided(0);
  c.batch.colour = 1 - c.batch.colour;
  EXPECT_LT(max_difference(guided(0), before), 1e-6);
  EXPECT_GT(max_difference(guided(1), conditional), 1e-5);
}

// Each view by its distance from the references, and only between the noise levels that are asked for.
TEST(Generate, GuidanceOfViewsAndNoiseLevels) {
  ModelConfig config = test::tiny_config();
  config.dropout = {0.1, 0.1, 0.1};
  Case c({"r-t-t---"}, config);
  for (const auto& [name, parameter] : c.denoiser.parameters()) {
    const at::NoGradGuard no_grad;
    if (name.starts_with("unet.conv_out")) at::Tensor(parameter).mul_(0.05);
  }
  const auto run = [&](double guidance, double far, double low = 0, double high = 0, std::int64_t count = 1) {
    SamplerConfig sampler = steps(count);
    sampler.guidance = guidance;
    sampler.guidance_far = far;
    sampler.guidance_min = low;
    sampler.guidance_max = high;
    return c.run(sampler)[0];
  };
  // A quarter turn away: half of both; opposite: the far one.
  const at::Tensor far = run(1, 3), quarter = run(2, 0), opposite = run(3, 0), none = run(1, 0);
  EXPECT_LT(max_difference(far[2], quarter[2]), 1e-6);
  EXPECT_LT(max_difference(far[4], opposite[4]), 1e-6);
  EXPECT_GT(max_difference(far[2], none[2]), 1e-4);
  EXPECT_LT(max_difference(run(3, 1)[4], none[4]), 1e-6);
  // One step is at sigma_max, 80.
  EXPECT_TRUE(run(3, 0, 0, 79).equal(none));
  EXPECT_TRUE(run(3, 0, 0, 81).equal(opposite));
  EXPECT_TRUE(run(3, 0, 81).equal(none));
  EXPECT_FALSE(run(3, 0, 0.1, 1, 4).equal(run(3, 0, 0, 0, 4)));
  EXPECT_FALSE(run(3, 0, 0.1, 1, 4).equal(run(1, 0, 0, 0, 4)));
}

TEST(Generate, GuidanceNeedsATrainedNullCondition) {
  ModelConfig config = test::tiny_config();
  config.dropout = {0, 0, 0};
  const Case c({"rrrrtrrt"}, config);
  SamplerConfig sampler = steps(1);
  sampler.guidance = 2;
  test::expect_error(ExitCode::usage, {"guidance", "dropout"}, [&] { c.run(sampler); });
}

TEST(Generate, ReportsProgress) {
  const Case c({"r-tt----", "rr-t----", "rr------"});  // evaluated one after the other
  for (const auto& [mode, total] :
       std::vector<std::pair<SamplingMode, std::int64_t>>{{SamplingMode::joint, 8}, {SamplingMode::sequential, 12}}) {
    SamplerConfig config = steps(3, Solver::heun);
    config.mode = mode;
    std::vector<std::int64_t> seen;
    generate(c.denoiser, c.batch, config, 4, [&, expected = total](std::int64_t done, std::int64_t all) {
      EXPECT_EQ(all, expected);
      seen.push_back(done);
    });
    ASSERT_EQ(static_cast<std::int64_t>(seen.size()), total) << name_of(mode);
    EXPECT_EQ(seen.back(), total);
  }
}

TEST(Sampler, ScheduleOfAResidual) {
  ModelConfig model;  // s = 0.15
  NoiseSchedule schedule = noise_schedule(model, steps(5));
  EXPECT_TRUE(schedule.regression);
  EXPECT_EQ(schedule.sigmas.size(), 5u);
  EXPECT_NEAR(schedule.sigmas.front(), 3, 1e-12);
  EXPECT_NEAR(schedule.sigmas[3], 0.015, 1e-12);
  // One step is the regression alone.
  schedule = noise_schedule(model, steps(1));
  EXPECT_FALSE(schedule.regression);
  EXPECT_EQ(schedule.sigmas, (std::vector<double>{80, 0}));
  // What is asked for holds.
  SamplerConfig asked = steps(5);
  asked.sigma_max = 40;
  schedule = noise_schedule(model, asked);
  EXPECT_FALSE(schedule.regression);
  EXPECT_EQ(schedule.sigmas, karras_sigmas(5, model.sigma_min, 40, 7));
  asked = steps(5);
  asked.sigma_min = 0.004;
  EXPECT_NEAR(noise_schedule(model, asked).sigmas[3], 0.004, 1e-12);
  asked = steps(4);
  asked.start = 0.5;
  EXPECT_TRUE(noise_schedule(model, asked).regression);
  EXPECT_NEAR(noise_schedule(model, asked).sigmas[0], 0.075, 1e-12);
  EXPECT_NEAR(noise_schedule(model, asked).sigmas[2], 0.015, 1e-12);
  model.output = OutputForm::edm;
  schedule = noise_schedule(model, steps(5));
  EXPECT_FALSE(schedule.regression);
  EXPECT_EQ(schedule.sigmas, karras_sigmas(5, model.sigma_min, model.sigma_max, 7));
}

// Residuals of many scales around a mean, as pictures have (variance ∝ f^−3/2, root mean square s), and their exact
// denoiser, linear in x: six evaluations keep the mean exactly and the deviations better than from σ_max.
TEST(Sampler, ResidualScheduleKeepsMeanAndDeviation) {
  const ModelConfig model;
  at::Tensor deviation = at::pow(at::arange(1, 401, at::kDouble), -0.75);
  deviation = deviation * (model.residual_scale / deviation.square().mean().sqrt().item<double>());
  const at::Tensor& mean = deviation;
  const DenoiseFunction denoise = [&](const at::Tensor& x, double sigma) {
    if (sigma >= model.sigma_max) return mean;
    const at::Tensor own = deviation.square();
    return (x * own + mean * (sigma * sigma)) / (own + sigma * sigma);
  };
  // The result is linear in the noise: its value without noise, and its slope, which is its deviation.
  auto run = [&](const NoiseSchedule& schedule, double noise) {
    at::Tensor x = at::full_like(mean, noise * schedule.sigmas.front());
    if (schedule.regression) x = x + denoise(x, model.sigma_max);
    return sample_dpmpp_2m(x, schedule.sigmas, denoise);
  };
  auto error = [&](const NoiseSchedule& schedule) {
    const at::Tensor centre = run(schedule, 0);
    const at::Tensor slope = (run(schedule, 1) - centre).abs();
    auto rms = [&](const at::Tensor& e) { return e.square().mean().sqrt().item<double>() / model.residual_scale; };
    return std::pair{rms(centre - mean), rms(slope - deviation)};
  };
  const auto [bias, spread] = error(noise_schedule(model, steps(6)));
  SamplerConfig all = steps(6);
  all.sigma_max = model.sigma_max;
  EXPECT_LT(bias, 1e-9);
  EXPECT_LT(spread, 0.12);
  EXPECT_LT(spread, error(noise_schedule(model, all)).second);
  // From the base and the same noise the mean would be lost.
  NoiseSchedule blind = noise_schedule(model, steps(6));
  blind.regression = false;
  EXPECT_GT(error(blind).first, 0.3);
}

TEST(Generate, WithoutAnyReference) {
  const Case c({"tttttttt"});
  EXPECT_GT(c.run(steps(2)).std().item<double>(), 0.01);
}

}  // namespace
}  // namespace spinfill
