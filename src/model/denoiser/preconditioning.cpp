// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/preconditioning.h"

#include <ATen/ATen.h>

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
  if (!parts.base.defined()) return x * per_row(at::rsqrt(sigma.square() + config.sigma_data * config.sigma_data));
  const at::Tensor c_in = at::rsqrt(sigma.square() + parts.scale.square());
  return (x - parts.base) * per_row(c_in.masked_fill(sigma >= config.sigma_max * (1 - 1e-6), 0));
}

at::Tensor noise_level_input(const at::Tensor& sigma) {
  constexpr double factor = 100;
  return at::log(sigma) * (factor / 4);
}

at::Tensor denoised(const at::Tensor& x, const at::Tensor& network, const at::Tensor& sigma, const OutputParts& parts,
                    const ModelConfig& config, const Autoencoder& autoencoder, SourceFields* fields) {
  const at::Tensor f = network.narrow(1, 0, x.size(1));
  if (parts.surface) {
    const SourceFields own =
        source_fields(network.narrow(1, f.size(1), network.size(1) - f.size(1)), *parts.surface, config);
    const at::Tensor carried = autoencoder.encode(own.picture * 2 - 1) * per_row(parts.shown);
    if (fields != nullptr) *fields = own;
    return carried + parts.gate * per_row(parts.scale) * f;
  }
  if (parts.base.defined()) {
    at::Tensor change = per_row(parts.scale) * f;
    if (parts.blend.defined())
      change = change + blended(network.narrow(1, f.size(1), network.size(1) - f.size(1)), parts.blend);
    return parts.base + parts.gate * change;
  }
  const double data = config.sigma_data;
  const at::Tensor total = sigma.square() + data * data;
  return per_row(data * data / total) * x + per_row(sigma * data * at::rsqrt(total)) * f;
}

at::Tensor squared_error_weight(const at::Tensor& sigma, const at::Tensor& scale, const ModelConfig& config) {
  if (!scale.defined()) return sigma.square().reciprocal() + 1 / (config.sigma_data * config.sigma_data);
  return at::clamp_max(1 + (scale / sigma).square(), config.loss_weight_clip) / scale.square();
}

}  // namespace spinfill
