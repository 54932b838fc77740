// SPDX-License-Identifier: Apache-2.0
#include "infer/matte.h"

#include <ATen/ATen.h>

namespace spinfill {
namespace {

// Cut off at both ends of the matte: the network's noise where all should be fully clear or fully covered.
constexpr double kMatteFloor = 0.04, kMatteCeiling = 0.96;

at::Tensor cut_off(const at::Tensor& matte) {
  return ((matte - kMatteFloor) / (kMatteCeiling - kMatteFloor)).clamp(0, 1);
}

at::Tensor as_pixels(const at::Tensor& colours) {
  return colours.to(at::kDouble).view({-1, 3, 1, 1});
}

// The least coverage with which some colour in [0,1] gives `picture` on the background.
at::Tensor least_coverage(const at::Tensor& picture, const at::Tensor& background) {
  const at::Tensor below = (background - picture) / background.clamp_min(1e-9),
                   above = (picture - background) / (1 - background).clamp_min(1e-9);
  return at::maximum(below, above).amax(1, /*keepdim=*/true);
}

Batch on_far_background(const Batch& batch, const PriorConfig& priors) {
  Batch far = batch;
  far.background = far_background(batch.background);
  const at::Tensor change = (far.background - batch.background).view({-1, 1, 3, 1, 1});
  far.colour = (batch.colour + (1 - batch.alpha) * change).clamp(0, 1);
  far.priors = compute_priors(far.prior_inputs(), priors);
  return far;
}

}  // namespace

at::Tensor in_8_bits(const at::Tensor& x) {
  return x.clamp(0, 1).mul(255).round().to(at::kDouble).div(255);  // as metrics round, in the tensor's own type
}

at::Tensor far_background(const at::Tensor& background) {
  return (background < 0.5).to(background.scalar_type());
}

at::Tensor with_matte(const at::Tensor& pictures, const at::Tensor& background, const at::Tensor& matte) {
  const at::Tensor under = as_pixels(background), picture = in_8_bits(pictures);
  constexpr double kRounding = 1e-6;  // of what is a whole number already
  const at::Tensor least = (least_coverage(picture, under) * 255 - kRounding).ceil() / 255;
  const at::Tensor alpha = at::maximum(in_8_bits(matte), least).clamp(0, 1);
  const at::Tensor colour = at::minimum((picture - (1 - alpha) * under).clamp_min(0), alpha);
  return at::cat({colour, alpha}, 1).to(at::kFloat);
}

Matted difference_matte(const at::Tensor& on_background, const at::Tensor& background, const at::Tensor& on_far,
                        const at::Tensor& far) {
  const at::Tensor under = as_pixels(background);
  const at::Tensor first = on_background.to(at::kDouble), second = on_far.to(at::kDouble);
  const at::Tensor clear = (first - second) / (under - as_pixels(far));  // 1 − α in every channel
  const at::Tensor mean = clear.mean(1, /*keepdim=*/true);
  const double residual = (clear - mean).abs().mean().item<double>();
  return {with_matte(on_background, background, cut_off(1 - mean)), residual, {}, {}};
}

Matted generate_matted(const Denoiser& denoiser, const Batch& batch, const PriorConfig& priors,
                       const SamplerConfig& config, std::uint64_t seed, const SamplerProgress& progress) {
  const at::Tensor is_target = batch.is_target.to(at::kCPU);
  if (denoiser.config().output == OutputForm::sources) {
    TargetFields fields;
    const at::Tensor pictures = generate(denoiser, batch, config, seed, progress, &fields).to(at::kCPU);
    const auto targets = [&](const at::Tensor& all) { return all.to(at::kCPU).index({is_target}); };
    return {with_matte(targets(pictures), target_backgrounds(batch), cut_off(targets(fields.coverage).to(at::kDouble))),
            0,
            {},
            targets(fields.correction)};
  }
  TargetFields fields;
  const auto targets = [&](const Batch& on, bool second) {
    const SamplerProgress half = [&](std::int64_t done, std::int64_t total) {
      if (progress) progress(second ? total + done : done, 2 * total);
    };
    return generate(denoiser, on, config, seed, half, second ? nullptr : &fields).to(at::kCPU).index({is_target});
  };
  const at::Tensor first = targets(batch, false);
  const Batch far = on_far_background(batch, priors);
  const at::Tensor second = targets(far, true);
  Matted matted = difference_matte(first, target_backgrounds(batch), second, target_backgrounds(far));
  if (fields.normals.defined()) matted.normals = fields.normals.to(at::kCPU).index({is_target});
  return matted;
}

at::Tensor composited_8_bits(const at::Tensor& rgba, const at::Tensor& background) {
  const at::Tensor alpha = in_8_bits(rgba.narrow(1, 3, 1));
  const at::Tensor straight = in_8_bits(rgba.narrow(1, 0, 3) / rgba.narrow(1, 3, 1).clamp_min(1e-9));
  return in_8_bits(alpha * straight + (1 - alpha) * as_pixels(background));
}

at::Tensor target_backgrounds(const Batch& batch) {
  const at::Tensor is_target = batch.is_target.to(at::kCPU);
  return batch.background.to(at::kCPU).unsqueeze(1).expand({-1, is_target.size(1), 3}).index({is_target});
}

}  // namespace spinfill
