// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace spinfill {

void SamplerConfig::bind(Fields& f) {
  f.choice("solver", solver, "Solver of the probability-flow ODE");
  f.number("steps", steps, "Steps; 1 = one evaluation at sigma_max, the regression", 1, 1000);
  f.choice("mode", mode, "All missing views at once, or one by one, each then a further reference");
  f.choice("places", places,
           "Several steps: everywhere, or only where no reference shows the vehicle; elsewhere the first stays");
  f.number("seen_steps", seen_steps, "With places unseen, elsewhere: 1 the regression, 2 what two steps make", 1, 2);
  f.number("rho", rho, "Exponent of the noise schedule", 1, 20);
  f.number("sigma_min", sigma_min, "Lowest noise level, 0: the model's (prior-residual: residual_scale / 10)", 0, 1e4);
  f.number("sigma_max", sigma_max,
           "Highest noise level, 0: the model's (prior-residual: start x residual_scale after a regression)", 0, 1e4);
  f.number("start", start,
           "Prior-residual: noise put onto the regression, x residual_scale; small values stay near the mean", 0.1,
           1e4);
  f.number("guidance", guidance, "Classifier-free guidance scale, 1: none", 0, 20);
  f.number("guidance_far", guidance_far,
           "That of a view a half turn from the nearest reference, even between; 0: as guidance", 0, 20);
  f.number("guidance_min", guidance_min, "Lowest noise level with guidance; below it none, which saves half", 0, 1e4);
  f.number("guidance_max", guidance_max, "Highest noise level with guidance; 0: no limit", 0, 1e4);
  f.number("churn", churn, "Stochasticity S_churn of heun, 0: deterministic", 0, 1000);
  f.number("churn_min", churn_min, "Lowest noise level with churn", 0, 1e4);
  f.number("churn_max", churn_max, "Highest noise level with churn", 0, 1e4);
  f.number("churn_noise", churn_noise, "Factor S_noise on the churn's noise", 0, 2);
  f.flag("reference_normals", reference_normals,
         "With model.normals: references without normals get theirs first, from their pictures");
  f.flag("cache", cache, "Compute the references once; off: at every step, for benchmarks");
  f.require(guidance_max == 0 || guidance_min < guidance_max, "guidance_min must be below guidance_max");
  f.require(seen_steps == 1 || places == SampledPlaces::unseen, "seen_steps needs places: unseen");
  f.require(churn == 0 || solver == Solver::heun, "churn needs solver: heun");
}

std::vector<double> karras_sigmas(std::int64_t steps, double sigma_min, double sigma_max, double rho) {
  if (steps < 1 || !(sigma_min > 0) || !(sigma_max >= sigma_min)) {
    fail_usage("noise schedule: needs steps >= 1 and 0 < sigma_min <= sigma_max, has {} steps from {} to {}", steps,
               sigma_max, sigma_min);
  }
  std::vector<double> sigmas;
  const double high = std::pow(sigma_max, 1 / rho), low = std::pow(sigma_min, 1 / rho);
  for (std::int64_t i = 0; i < steps; ++i) {
    // σ_i = (σ_max^{1/ρ} + i/(N−1)·(σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ; the ends exactly.
    const double share = steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(steps - 1);
    sigmas.push_back(i == 0 ? sigma_max : i == steps - 1 ? sigma_min : std::pow(high + share * (low - high), rho));
  }
  sigmas.push_back(0);
  return sigmas;
}

NoiseSchedule noise_schedule(const ModelConfig& model, const SamplerConfig& config) {
  NoiseSchedule schedule;
  double high = config.sigma_max > 0 ? config.sigma_max : model.sigma_max;
  double low = config.sigma_min > 0 ? config.sigma_min : model.sigma_min;
  const double start = config.start * model.residual_scale;
  schedule.regression = config.steps > 1 && model.corrects_prior() && config.sigma_max == 0 && start < model.sigma_max;
  if (schedule.regression) {
    if (config.sigma_min == 0) low = std::max(low, model.residual_scale / 10);
    high = std::max(start, low);
  }
  schedule.sigmas = karras_sigmas(config.steps - (schedule.regression ? 1 : 0), low, high, config.rho);
  return schedule;
}

// In all three a step to σ = 0 gives D itself.

at::Tensor euler_step(const at::Tensor& x, const at::Tensor& d, double sigma, double next) {
  return next == 0 ? d : x + (x - d) * ((next - sigma) / sigma);
}

at::Tensor sample_euler(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise) {
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i)
    x = euler_step(x, denoise(x, sigmas[i]), sigmas[i], sigmas[i + 1]);
  return x;
}

at::Tensor sample_heun(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise,
                       const SamplerConfig& config, const NoiseFunction& noise) {
  // Karras et al. 2022, algorithm 2 (algorithm 1 without churn).
  const auto steps = static_cast<double>(sigmas.size() - 1);
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    double sigma = sigmas[i];
    const double next = sigmas[i + 1];
    if (config.churn > 0 && sigma >= config.churn_min && sigma <= config.churn_max) {
      const double gamma = std::min(config.churn / steps, std::sqrt(2.0) - 1);
      const double raised = sigma * (1 + gamma);
      x = x + noise() * (config.churn_noise * std::sqrt(raised * raised - sigma * sigma));
      sigma = raised;
    }
    const at::Tensor d = denoise(x, sigma);
    if (next == 0) {
      x = d;
      continue;
    }
    const at::Tensor slope = (x - d) / sigma;
    const at::Tensor euler = x + slope * (next - sigma);
    const at::Tensor slope_next = (euler - denoise(euler, next)) / next;
    x = x + (slope + slope_next) * (0.5 * (next - sigma));
  }
  return x;
}

at::Tensor sample_dpmpp_2m(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise) {
  // Lu et al. 2022 (DPM-Solver++), algorithm 2, with α = 1 and λ = −ln σ.
  at::Tensor previous;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const at::Tensor d = denoise(x, sigmas[i]);
    if (sigmas[i + 1] == 0) {
      x = d;
      break;
    }
    const double h = std::log(sigmas[i] / sigmas[i + 1]);
    at::Tensor extrapolated = d;
    if (previous.defined()) {
      const double r = std::log(sigmas[i - 1] / sigmas[i]) / h;
      extrapolated = d * (1 + 1 / (2 * r)) - previous * (1 / (2 * r));
    }
    x = x * (sigmas[i + 1] / sigmas[i]) - extrapolated * std::expm1(-h);
    previous = d;
  }
  return x;
}

std::int64_t evaluations(Solver solver, std::int64_t steps) {
  return solver == Solver::heun ? 2 * steps - 1 : steps;
}

}  // namespace spinfill
