// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/source_fields.h"

#include <ATen/ATen.h>

#include "model/autoencoder/autoencoder.h"

namespace spinfill {

SourceFields source_fields(const at::Tensor& network, const SurfaceWarp& surface, const ModelConfig& config) {
  const std::int64_t f = config.pixel_factor;
  const at::Tensor pixels = depth_to_space(network, f);  // [N,2,H,W]
  SourceFields fields;
  fields.correction = pixels.narrow(1, 1, 1).tanh() * config.correction_limit;
  const PriorPicture seen = surface.at(fields.correction);
  fields.coverage = seen.alpha.squeeze(1) * (1 - pixels.narrow(1, 0, 1));
  const at::Tensor under = surface.background().view({-1, 3, 1, 1});
  fields.picture = under + fields.coverage * (seen.colour.squeeze(1) - under);
  return fields;
}

}  // namespace spinfill
