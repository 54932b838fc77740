// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/loss.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "model/device.h"

namespace spinfill {

void LossOptions::bind(Fields& f) {
  f.choice("mode", mode, "Noise levels trained: sigma_max alone, log-normal, or a mixture");
  f.number("regression_share", regression_share, "Mixed: probability that a noise draw is a regression", 0, 1);
  f.number("draws", draws, "Noise draws per set of targets; they share the references' pass", 1, 64);
  f.number("foreground_weight", foreground_weight, "Weight of a pixel inside the vehicle, 1 outside", 0, 1000);
  f.number("huber", huber, "Errors above this count linearly (pseudo-Huber, latents in [-1,1]); 0: all are squared", 0,
           10);
  f.number("rollout", rollout,
           "Share of noisy draws whose noise lies on the model's own one-step picture, as in sampling", 0, 1);
  f.number("normals", normals, "Weight of the errors of the normals, of the pictures' 1 (model.normals)", 0, 1000);
  f.number("sources", sources, "Weight of the error of what the sources alone show (model.output sources)", 0, 1000);
  f.number("coverage", coverage, "Weight of the error of their coverage (model.output sources)", 0, 1000);
  f.number("depth", depth,
           "Weight of the correction's distance from the true depth (model.output sources; needs data.depth)", 0, 1000);
  f.number("close_up", close_up,
           "Weight of the errors of what the sources show in windows of the photographs' size (model.output sources; "
           "needs data.close_up)",
           0, 1000);
  f.number("close_up_lpips", close_up_lpips,
           "Weight of LPIPS in these windows; needs evaluation.lpips.weights. 0: none", 0, 1000);
  f.number("lpips", lpips,
           "Weight of LPIPS in draws with noise, beside the error; needs evaluation.lpips.weights. 0: none", 0, 1000);
}

at::Tensor pseudo_huber(const at::Tensor& squares, double c) {
  const double c2 = c * c;
  return c2 > 0 ? ((squares / c2 + 1).sqrt() - 1) * (2 * c2) : squares;
}

NoiseDraw draw_training_noise(const ModelConfig& config, const LossOptions& options, const ViewLayout& layout,
                              const std::vector<std::int64_t>& samples, std::int64_t height, std::int64_t width,
                              std::uint64_t seed) {
  const std::int64_t channels = config.state_channels(), rows = layout.targets * options.draws;
  const at::Tensor sigma = at::empty({rows}, at::kFloat);
  const at::Tensor noise = at::empty({rows, channels, height, width}, at::kFloat);
  const at::Tensor rolled = at::zeros({rows}, at::kBool);
  std::int64_t row = 0;
  auto batch_index = layout.order.begin();
  for (const ViewGroup& group : layout.groups) {
    for (std::int64_t s = 0; s < group.samples; ++s, ++batch_index) {
      if (group.targets == 0) continue;
      Random random(seed, static_cast<std::uint64_t>(samples.at(static_cast<std::size_t>(*batch_index))),
                    Stream::noise);
      auto generator = at::make_generator<at::CPUGeneratorImpl>(random.bits64());
      const double shift = config.noise_shift ? 0.5 * std::log(static_cast<double>(group.targets)) : 0;
      for (std::int64_t m = 0; m < options.draws; ++m, row += group.targets) {
        const double chance = random.uniform(), normal = random.normal(), roll = random.uniform();
        const bool regression = options.mode == LossMode::regression ||
                                (options.mode == LossMode::mixed && chance < options.regression_share);
        // ln σ ~ N(P_mean, P_std²), shifted by ½ ln N for N targets.
        const double drawn = std::exp(config.noise_mean + config.noise_std * normal + shift);
        const double level = regression ? config.sigma_max : std::clamp(drawn, config.sigma_min, config.sigma_max);
        sigma.narrow(0, row, group.targets).fill_(level);
        rolled.narrow(0, row, group.targets).fill_(!regression && roll < options.rollout);
        noise.narrow(0, row, group.targets).normal_(0, 1, generator);
      }
    }
  }
  const at::Device device = layout.target_rows.device();
  // Found before sigma goes to the device, which then need not be waited for.
  const at::Tensor noisy = (sigma < config.sigma_max * (1 - 1e-6)).nonzero().squeeze(1);
  return {sent(sigma, device), sent(noise, device), sent(rolled, device), sent(noisy, device)};
}

TrainingDraw draw_training(const Denoiser& denoiser, const Batch& batch, const LossOptions& options,
                           std::uint64_t seed) {
  const ModelConfig& config = denoiser.config();
  Arrangement arrangement = denoiser.arrange(batch, draw_condition_drop(config.dropout, batch.samples, seed));
  if (arrangement.layout.targets == 0) fail("a training batch without a single target view");
  const std::int64_t factor = denoiser.autoencoder().factor();
  NoiseDraw noise = draw_training_noise(config, options, arrangement.layout, batch.samples,
                                        batch.colour.size(-2) / factor, batch.colour.size(-1) / factor, seed);
  return {std::move(arrangement), std::move(noise)};
}

namespace {

// The correction that puts the hull's surface where the truth's is, as a share of the limit, and where that is known:
// both [ΣT,1,H,W]. What lies further away than the correction reaches twice over is another part of the vehicle.
struct WantedCorrection {
  at::Tensor share, known;
};
WantedCorrection wanted_correction(const Batch& batch, const at::Tensor& rows, double limit) {
  const at::Tensor depth = take_views(batch.depth, rows);
  const at::Tensor eyes = batch.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).norm(2, {-1}).to(at::kFloat);
  const at::Tensor away = eyes.flatten().index_select(0, rows).view({-1, 1, 1, 1});
  const at::Tensor share = (depth - take_views(batch.priors.depth, rows) - away) / limit;
  const at::Tensor hull = take_views(batch.priors.silhouette, rows) >= 0.5;
  const at::Tensor known = (depth > 0).logical_and(hull).logical_and(share.square() < 4);
  return {share.clamp(-1, 1), known.to(at::kFloat)};
}

// What the sources show against the truth, with the weight of a value of D: the sum over pictures' values.
// `level_weight` [N,1,1,1].
at::Tensor sources_loss(const Batch& batch, const ViewLayout& layout, const SourceFields& fields,
                        const at::Tensor& level_weight, const LossOptions& options, const ModelConfig& config) {
  const auto rows = [&](const at::Tensor& all) {
    return layout.repeat_draws(take_views(all, layout.target_rows), options.draws);
  };
  const auto distance_of = [&](const at::Tensor& off) { return pseudo_huber(off.square(), options.huber); };
  const at::Tensor alpha = rows(batch.alpha);
  // In [−1,1] like latents; coverage and depth count in each channel.
  at::Tensor off = options.sources * distance_of(2 * (fields.picture - rows(batch.colour))) +
                   options.coverage * distance_of(fields.coverage - alpha);
  if (options.depth > 0) {
    if (!batch.depth.defined()) fail("loss.depth is {}, but the batch has no depth", options.depth);
    const WantedCorrection wanted = wanted_correction(batch, layout.target_rows, config.correction_limit);
    const at::Tensor share = layout.repeat_draws(wanted.share, options.draws),
                     known = layout.repeat_draws(wanted.known, options.draws);
    off = off + options.depth * distance_of((fields.correction / config.correction_limit - share) * known);
  }
  return (off * level_weight * (1 + (options.foreground_weight - 1) * alpha)).sum();
}

// What the sources show in the windows against the truth, weighted as the whole pictures are; the sum over rows and
// pixels. `level_weight` [N,1,1,1].
at::Tensor close_up_loss(const Batch& batch, const ViewLayout& layout, const SourceFields& fields,
                         const at::Tensor& level_weight, const LossOptions& options,
                         const PerceptualDistance& perceptual) {
  const CloseUps& windows = batch.close_ups;
  if (!windows.defined()) fail("loss.close_up is {}, but the batch has no close-ups", options.close_up);
  const std::int64_t k = windows.colour.size(-1) / batch.colour.size(-1);
  const PriorInputs large{
      windows.colour,     windows.alpha,    batch.background, batch.is_reference, batch.vehicle_from_camera,
      windows.intrinsics, batch.azimuth_deg};
  const SurfaceWarp of_targets(
      large, batch.priors, {windows.point, windows.normal, windows.direction, windows.silhouette}, layout.target_rows);
  const auto rows = [&](const at::Tensor& all) {
    return layout.repeat_draws(all.flatten(0, 1).index_select(0, layout.target_rows), options.draws);
  };
  const at::Tensor each = at::arange(layout.targets, layout.target_rows.options());
  const SurfaceWarp surface = of_targets.select(layout.repeat_draws(each, options.draws));
  const SourceFields shown = close_up_fields(fields, surface, rows(windows.corner), k);
  const at::Tensor truth = rows(windows.truth), alpha = rows(windows.truth_alpha);
  const at::Tensor weight = level_weight * (1 + (options.foreground_weight - 1) * alpha);
  const auto distance_of = [&](const at::Tensor& off) { return pseudo_huber(off.square(), options.huber); };
  // In [−1,1] like latents; coverage counts in each channel.
  const at::Tensor colour = options.sources * distance_of(2 * (shown.picture - truth)),
                   outline = 3 * options.coverage * distance_of(shown.coverage - alpha);
  at::Tensor sum = options.close_up * ((colour * weight).sum() + (outline * weight).sum());
  if (options.close_up_lpips > 0) {
    if (!perceptual) fail("loss.close_up_lpips is {}, but there are no LPIPS weights", options.close_up_lpips);
    const at::Tensor distances = perceptual(shown.picture, truth) * level_weight.flatten();
    sum = sum + distances.sum() * (options.close_up_lpips * static_cast<double>(truth[0].numel()));
  }
  return sum;
}

}  // namespace

TrainingLoss training_loss(const Denoiser& denoiser, const Batch& batch, const LossOptions& options, std::uint64_t seed,
                           const PerceptualDistance& perceptual) {
  return training_loss(denoiser, batch, draw_training(denoiser, batch, options, seed), options, perceptual);
}

TrainingLoss training_loss(const Denoiser& denoiser, const Batch& batch, const TrainingDraw& drawn,
                           const LossOptions& options, const PerceptualDistance& perceptual) {
  const ModelConfig& config = denoiser.config();
  const Conditioning conditioning = denoiser.condition(batch, drawn.arrangement);
  const ViewLayout& layout = conditioning.layout;
  const std::int64_t picture = config.latent_channels();
  const at::Tensor clean = clean_latents(batch, layout.target_rows, config, denoiser.autoencoder());  // [ΣT,S,h,w]
  const at::Tensor alpha = take_views(batch.alpha, layout.target_rows);
  at::Tensor pixel_weight = denoiser.autoencoder().pixel_weights(1 + (options.foreground_weight - 1) * alpha);
  if (config.normals) {
    const at::Tensor own = pixel_weight.expand({-1, picture, -1, -1});
    pixel_weight = at::cat({own, own * options.normals}, 1);
  }
  const NoiseDraw& draw = drawn.noise;

  const at::Tensor y = layout.repeat_draws(clean, options.draws);
  const ReferenceCache cache = denoiser.encode_references(conditioning);
  at::Tensor under = y;  // the noise
  if (options.rollout > 0) {
    const at::NoGradGuard no_grad;
    const at::Tensor highest = at::full({layout.targets}, config.sigma_max, draw.sigma.options());
    const at::Tensor own = denoiser.denoise(at::zeros_like(clean), highest, conditioning, cache);
    under = at::where(draw.rolled.view({-1, 1, 1, 1}), layout.repeat_draws(own, options.draws), y);
  }
  const at::Tensor x = under + draw.sigma.view({-1, 1, 1, 1}) * draw.noise;
  SourceFields fields;
  const at::Tensor d = denoiser.denoise(x, draw.sigma, conditioning, cache, &fields);

  const at::Tensor squared = (d - y).square();
  const at::Tensor distance = pseudo_huber(squared, options.huber);
  TrainingLoss loss;
  loss.count = squared.numel();
  loss.squared_error = squared.detach().sum();
  // L = Σ λ(σ)·w·ρ(D − y), on targets only.
  const at::Tensor weight = denoiser.loss_weight(draw.sigma, conditioning).view({-1, 1, 1, 1}) *
                            layout.repeat_draws(pixel_weight, options.draws);
  loss.sum = (distance * weight).sum();
  if (fields.picture.defined()) {
    const at::Tensor shown = layout.repeat_draws(conditioning.shown, options.draws).view({-1, 1, 1, 1});
    const at::Tensor level = denoiser.loss_weight(draw.sigma, conditioning).view({-1, 1, 1, 1}) * shown;
    at::Tensor own = sources_loss(batch, layout, fields, level, options, config);
    if (options.close_up > 0 || options.close_up_lpips > 0)
      own = own + close_up_loss(batch, layout, fields, level, options, perceptual);
    // Values of pictures count as so many of D.
    loss.sum = loss.sum + own * (static_cast<double>(loss.count) / static_cast<double>(fields.picture.numel()));
  }
  if (options.lpips > 0) {
    if (!perceptual) fail("loss.lpips is {}, but there are no LPIPS weights", options.lpips);
    const at::Tensor& noisy = draw.noisy;
    if (noisy.size(0) == 0) return loss;
    const at::Tensor truths = layout.repeat_draws(take_views(batch.colour, layout.target_rows), options.draws);
    const at::Tensor pictures = (denoiser.autoencoder().decode(d.narrow(1, 0, picture).index_select(0, noisy)) + 1) / 2;
    const at::Tensor distances = perceptual(pictures, truths.index_select(0, noisy));
    loss.sum =
        loss.sum + distances.sum() * (options.lpips * static_cast<double>(clean.narrow(1, 0, picture)[0].numel()));
  }
  return loss;
}

}  // namespace spinfill
