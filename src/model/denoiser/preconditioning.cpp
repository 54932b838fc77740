// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/preconditioning.h"

#include <ATen/ATen.h>

#include <cmath>

namespace spinfill {
namespace {

at::Tensor per_row(const at::Tensor& values) {
  return values.view({-1, 1, 1, 1});
}

// Σ_k m_k·(picture_k − base): m [N,K·f²,h,w] one weight per pixel, pictures [N,K,C,h,w] → [N,C,h,w].
at::Tensor blended(const at::Tensor& m, const at::Tensor& pictures) {
  const std::int64_t N = pictures.size(0), K = pictures.size(1), C = pictures.size(2);
  const std::int64_t h = pictures.size(3), w = pictures.size(4), pixels = m.size(1) / K;
  const at::Tensor weights = m.view({N, K, 1, pixels, h, w});
  return (weights * pictures.view({N, K, C / pixels, pixels, h, w})).sum(1).view({N, C, h, w});
}

// σ_d of the equations: Stable Diffusion's latents are scaled to 1.
double data_deviation(const ModelConfig& config) {
  return config.output == OutputForm::epsilon || config.output == OutputForm::v ? 1 : config.sigma_data;
}

// ln σ_t of Stable Diffusion's schedule, [1000] float64.
at::Tensor log_sigmas(at::Device device) {
  constexpr std::int64_t kSteps = 1000;
  const at::Tensor root =
      at::linspace(std::sqrt(0.00085), std::sqrt(0.012), kSteps, at::TensorOptions().dtype(at::kDouble).device(device));
  const at::Tensor kept = at::cumprod(1 - root.square(), 0);
  return 0.5 * (at::log1p(-kept) - at::log(kept));
}

at::Tensor timestep(const at::Tensor& sigma) {
  const at::Tensor table = log_sigmas(sigma.device()), level = at::log(sigma.to(at::kDouble));
  const std::int64_t last = table.size(0) - 1;
  const at::Tensor below = (table.unsqueeze(0) <= level.unsqueeze(1)).sum(1).sub(1).clamp(0, last - 1);
  const at::Tensor low = table.index_select(0, below), high = table.index_select(0, below + 1);
  return (below + ((level - low) / (high - low)).clamp(0, 1)).to(sigma.scalar_type());
}

}  // namespace

OutputParts output_parts(const Conditioning& c, std::int64_t draws) {
  const auto rows = [&](const at::Tensor& targets) { return c.layout.repeat_draws(targets, draws); };
  OutputParts parts{rows(c.base), rows(c.scale), rows(c.blend), rows(c.gate), rows(c.shown), c.surface};
  if (c.surface && draws > 1) {
    const at::Tensor each = at::arange(c.layout.targets, c.layout.target_rows.options());
    parts.surface = std::make_shared<const SurfaceWarp>(c.surface->select(rows(each)));
  }
  return parts;
}

at::Tensor scaled_input(const at::Tensor& x, const at::Tensor& sigma, const OutputParts& parts,
                        const ModelConfig& config) {
  const double data = data_deviation(config);
  if (!parts.base.defined()) return x * per_row(at::rsqrt(sigma.square() + data * data));
  const at::Tensor c_in = at::rsqrt(sigma.square() + parts.scale.square());
  return (x - parts.base) * per_row(c_in.masked_fill(sigma >= config.sigma_max * (1 - 1e-6), 0));
}

at::Tensor noise_level_input(const at::Tensor& sigma, const ModelConfig& config) {
  if (config.noise_input == NoiseInput::timestep) return timestep(sigma);
  constexpr double factor = 100;
  return at::log(sigma) * (factor / 4);
}

at::Tensor denoised(const at::Tensor& x, const at::Tensor& network, const at::Tensor& sigma, const OutputParts& parts,
                    const ModelConfig& config, const Autoencoder& autoencoder, SourceFields* fields) {
  const at::Tensor f = network.narrow(1, 0, x.size(1));
  if (parts.surface) {
    at::Tensor base = parts.base;
    if (config.in_pixels() || fields != nullptr) {
      const SourceFields own =
          source_fields(network.narrow(1, f.size(1), network.size(1) - f.size(1)), *parts.surface, config);
      if (config.in_pixels()) base = autoencoder.encode(own.picture * 2 - 1) * per_row(parts.shown);
      if (fields != nullptr) *fields = own;
    }
    return base + parts.gate * per_row(parts.scale) * f;
  }
  if (parts.base.defined()) {
    at::Tensor change = per_row(parts.scale) * f;
    if (parts.blend.defined())
      change = change + blended(network.narrow(1, f.size(1), network.size(1) - f.size(1)), parts.blend);
    return parts.base + parts.gate * change;
  }
  if (config.output == OutputForm::epsilon) return x - per_row(sigma) * f;
  const double data = data_deviation(config), sign = config.output == OutputForm::v ? -1 : 1;
  const at::Tensor total = sigma.square() + data * data;
  return per_row(data * data / total) * x + per_row(sigma * (sign * data) * at::rsqrt(total)) * f;
}

at::Tensor squared_error_weight(const at::Tensor& sigma, const at::Tensor& scale, const ModelConfig& config) {
  if (config.output == OutputForm::epsilon) return sigma.square().reciprocal();
  if (!scale.defined()) return sigma.square().reciprocal() + 1 / (data_deviation(config) * data_deviation(config));
  return at::clamp_max(1 + (scale / sigma).square(), config.loss_weight_clip) / scale.square();
}

}  // namespace spinfill
