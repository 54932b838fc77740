// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/config/config.h"
#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/perceptual_distance.h"

namespace spinfill {

// Noise levels that are trained: σ = σ_max, ln σ ~ N(P_mean, P_std²), or a mixture of both.
enum class LossMode { regression, diffusion, mixed };
template <>
inline constexpr Named<LossMode> kNamesOf<LossMode>[] = {
    {LossMode::regression, "regression"}, {LossMode::diffusion, "diffusion"}, {LossMode::mixed, "mixed"}};

struct LossOptions {
  LossMode mode = LossMode::mixed;
  double regression_share = 0.5;  // mixed: probability that a noise draw is a regression
  std::int64_t draws = 1;         // M noise draws per set of targets
  double foreground_weight = 4;   // weight of a pixel inside the vehicle; 1 outside
  // Pseudo-Huber distance 2c²(√(1 + e²/c²) − 1) of latents in [−1,1] (Charbonnier et al. 1997; for diffusion Song &
  // Dhariwal 2023, §3.3): e² for small errors, 2c|e| for large ones. 0: e² throughout.
  double huber = 0;
  // Weight of a perceptual distance between the diffusion's denoised pictures and the truth, counted once per target
  // value like the errors. Regressions are left to the error alone: one step stays the mean.
  double lpips = 0;
  // Diffusion: probability that the noise is put onto the model's own regression in place of the truth, as the sampler
  // does after its first step. Without it, small noise tells the network that the picture below is true (exposure
  // bias; Ning et al. 2023, "Input perturbation reduces exposure bias in diffusion models").
  double rollout = 0;
  // model.normals: weight of the errors of the normals' latents, of the picture's 1.
  double normals = 1;
  // model.output sources: weights, beside that of D, of what the sources alone show and of its coverage, so that the
  // residual does not hide from them what they can do.
  double sources = 1;
  double coverage = 1;
  // model.output sources: weight of the correction's distance from the rendered depth, in units of correction_limit,
  // where the hull and the truth are both seen; needs Batch::depth. A correction shows in colours only where there is
  // texture to align, and depth says it everywhere.
  double depth = 0;
  // model.output sources: weights of the same errors of what the sources show in windows of the photographs' size, and
  // of LPIPS there; needs Batch::close_ups. Pictures of the model's size forgive what a person sees in the delivered
  // one.
  double close_up = 0;
  double close_up_lpips = 0;
  void bind(Fields& f);
};

// Of squared differences, with the constant c: 2c²(√(x/c² + 1) − 1), which is x itself at c = 0.
at::Tensor pseudo_huber(const at::Tensor& squares, double c);

struct TrainingLoss {
  at::Tensor sum;            // [] weighted errors (squared or pseudo-Huber) summed over target values, differentiable
  std::int64_t count = 0;    // target values: ΣT·M·S·h·w; divide by its sum over all ranks and accumulation steps
  at::Tensor squared_error;  // [] unweighted squared errors of D, summed, detached: for logs
};

// The draws of a pass: noise, noise levels and dropped conditions. Tensors in the layout's order of ΣT·M rows, on the
// device of the batch.
struct NoiseDraw {
  at::Tensor sigma;   // [ΣT·M] float32, equal for the targets of one draw
  at::Tensor noise;   // [ΣT·M,S,h,w] float32, unit variance
  at::Tensor rolled;  // [ΣT·M] bool: the noise goes onto the model's own regression
  at::Tensor noisy;   // [N] int64: the rows that are not regressions
};
struct TrainingDraw {
  Arrangement arrangement;
  NoiseDraw noise;
};
// The noise alone, of M draws of latents of S × height × width.
NoiseDraw draw_training_noise(const ModelConfig& config, const LossOptions& options, const ViewLayout& layout,
                              const std::vector<std::int64_t>& samples, std::int64_t height, std::int64_t width,
                              std::uint64_t seed);
TrainingDraw draw_training(const Denoiser& denoiser, const Batch& batch, const LossOptions& options,
                           std::uint64_t seed);

// Noise, noise levels and dropout are functions of (seed, batch.samples[b]) alone: the same on every device and for
// every split of the samples over batches and ranks. `perceptual` is needed where options.lpips or
// options.close_up_lpips is above 0.
TrainingLoss training_loss(const Denoiser& denoiser, const Batch& batch, const LossOptions& options, std::uint64_t seed,
                           const PerceptualDistance& perceptual = {});

// The same for given draws. Computes on the device alone: nothing is read from it or sent to it (except by LPIPS), so
// that a GPU can record it once and replay it with other tensors of the same shapes (train/step/recorded_pass.h).
TrainingLoss training_loss(const Denoiser& denoiser, const Batch& batch, const TrainingDraw& draw,
                           const LossOptions& options, const PerceptualDistance& perceptual = {});

}  // namespace spinfill
