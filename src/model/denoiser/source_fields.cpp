// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/source_fields.h"

#include <ATen/ATen.h>

#include "model/autoencoder/autoencoder.h"

namespace spinfill {

namespace {

SourceFields shown_by(const at::Tensor& taken, const at::Tensor& correction, const SurfaceWarp& surface) {
  SourceFields fields;
  fields.taken = taken;
  fields.correction = correction;
  const PriorPicture seen = surface.at(correction);
  fields.coverage = seen.alpha.squeeze(1) * (1 - taken);
  const at::Tensor under = surface.background().view({-1, 3, 1, 1});
  fields.picture = under + fields.coverage * (seen.colour.squeeze(1) - under);
  return fields;
}

// [N,to,from]: rows of bilinear weights that take `to` places from `from`, the first at `corner` [N] of a raster k
// times as fine. A product with them is deterministic on every device, unlike the gradient of a look-up.
at::Tensor bilinear_weights(const at::Tensor& corner, std::int64_t to, std::int64_t from, std::int64_t k) {
  const at::Tensor places = at::arange(to, corner.options()).unsqueeze(0) + corner.unsqueeze(1);
  const at::Tensor at_source = ((places + 0.5) / static_cast<double>(k) - 0.5).clamp(0, static_cast<double>(from - 1));
  return (1 - (at_source.unsqueeze(2) - at::arange(from, corner.options())).abs()).clamp_min(0);
}

}  // namespace

SourceFields close_up_fields(const SourceFields& fields, const SurfaceWarp& surface, const at::Tensor& corner,
                             std::int64_t k) {
  const std::int64_t H = fields.taken.size(2), W = fields.taken.size(3);
  const at::Tensor across = bilinear_weights(corner.select(1, 0), W, W, k).transpose(1, 2),
                   down = bilinear_weights(corner.select(1, 1), H, H, k);
  const auto brought = [&](const at::Tensor& field) {
    return at::matmul(at::matmul(down, field.squeeze(1).to(at::kFloat)), across).unsqueeze(1);
  };
  return shown_by(brought(fields.taken), brought(fields.correction), surface);
}

SourceFields source_fields(const at::Tensor& network, const SurfaceWarp& surface, const ModelConfig& config) {
  const at::Tensor pixels = depth_to_space(network, config.latent_factor());  // [N,2,H,W]
  return shown_by(pixels.narrow(1, 0, 1), pixels.narrow(1, 1, 1).tanh() * config.correction_limit, surface);
}

}  // namespace spinfill
