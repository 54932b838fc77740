// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "core/config/config.h"
#include "model/config.h"

namespace spinfill {

enum class Solver { dpmpp_2m, heun, euler };  // heun: EDM's, stochastic with churn > 0
template <>
inline constexpr Named<Solver> kNamesOf<Solver>[] = {
    {Solver::dpmpp_2m, "dpmpp-2m"}, {Solver::heun, "heun"}, {Solver::euler, "euler"}};

// All missing views at once, or one by one, each then a further reference.
enum class SamplingMode { joint, sequential };
template <>
inline constexpr Named<SamplingMode> kNamesOf<SamplingMode>[] = {{SamplingMode::joint, "joint"},
                                                                 {SamplingMode::sequential, "sequential"}};

// After the regression: everywhere, or only where no reference shows the vehicle (model/sampling/unseen.h); elsewhere
// the regression stays.
enum class SampledPlaces { everywhere, unseen };
template <>
inline constexpr Named<SampledPlaces> kNamesOf<SampledPlaces>[] = {{SampledPlaces::everywhere, "everywhere"},
                                                                   {SampledPlaces::unseen, "unseen"}};

// Classifier-free guidance (model/sampling/guided_denoiser.h).
struct Guidance {
  double scale = 1, far = 1;  // g at a reference's own azimuth, and half a turn from the nearest
  double low = 0, high = 0;   // noise levels outside of which there is none; high 0: no limit
  bool any() const { return scale != 1 || far != 1; }
  bool at(double sigma) const { return any() && sigma >= low && (high == 0 || sigma <= high); }
};

struct SamplerConfig {
  Solver solver = Solver::dpmpp_2m;
  std::int64_t steps = 1;  // 1: one evaluation at σ_max, the regression
  SamplingMode mode = SamplingMode::joint;
  SampledPlaces places = SampledPlaces::everywhere;
  std::int64_t seen_steps = 1;  // with places unseen, of what is seen: 1 the regression, 2 what steps: 2 makes of it
  double rho = 7;               // Karras schedule
  double sigma_min = 0, sigma_max = 0;        // 0: what suits the model's output form, see noise_schedule
  double start = 20;                          // prior-residual: noise after the regression, in residual scales
  double guidance = 1;                        // classifier-free guidance scale; 1: none
  double guidance_far = 0;                    // that of a view a half turn from the nearest reference; 0: the same
  double guidance_min = 0, guidance_max = 0;  // noise levels with guidance; 0: no limit
  // Stochasticity of heun (Karras et al. 2022, algorithm 2)
  double churn = 0, churn_min = 0.05, churn_max = 50, churn_noise = 1.003;
  bool reference_normals = true;  // model.normals: references without normals get theirs first (reference_normals.h)
  bool cache = true;              // references computed once; false: joint pass at every step, for benchmarks
  void bind(Fields& f);
  Guidance guided() const { return {guidance, guidance_far > 0 ? guidance_far : guidance, guidance_min, guidance_max}; }
};

// Noise levels σ_0 > … > σ_{N−1} > σ_N = 0 (Karras et al. 2022, eq. 5). N = 1: {σ_max, 0}.
std::vector<double> karras_sigmas(std::int64_t steps, double sigma_min, double sigma_max, double rho);

// Where sampling with `config` starts and its noise levels. For a prior-residual model with several steps, unless
// config.sigma_max asks otherwise: the first evaluation is the regression D(σ_max), which is the mean of the pictures,
// and Karras's schedule of the other N − 1 starts from D(σ_max) + σ·noise with σ = start·s, s the residual's scale, and
// ends at s/10: for start = 20 from where the residual drowns in noise to where noise drowns in it, which are the
// levels trained. A smaller start stays nearer to the mean: less detail is made up (as in SDEdit, Meng et al. 2022).
struct NoiseSchedule {
  bool regression = false;     // one evaluation at the model's σ_max comes first
  std::vector<double> sigmas;  // of the solver, as karras_sigmas
};
NoiseSchedule noise_schedule(const ModelConfig& model, const SamplerConfig& config);

// The solvers on any denoiser, x at σ = sigmas[0].
using DenoiseFunction = std::function<at::Tensor(const at::Tensor& x, double sigma)>;
using NoiseFunction = std::function<at::Tensor()>;  // fresh unit noise in the shape of x
// From σ to the next level along dx/dσ = (x − D)/σ (Karras et al. 2022, eq. 1 and 3), d = D(x; σ).
at::Tensor euler_step(const at::Tensor& x, const at::Tensor& d, double sigma, double next);
at::Tensor sample_euler(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise);
at::Tensor sample_heun(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise,
                       const SamplerConfig& config = {}, const NoiseFunction& noise = {});
at::Tensor sample_dpmpp_2m(at::Tensor x, const std::vector<double>& sigmas, const DenoiseFunction& denoise);
// Evaluations that the solver takes for `steps` steps; a regression before them comes on top.
std::int64_t evaluations(Solver solver, std::int64_t steps);

}  // namespace spinfill
