// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/conditioning.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"
#include "geometry/rays.h"

namespace spinfill {

ConditionDrop draw_condition_drop(const DropoutConfig& config, const std::vector<std::int64_t>& samples,
                                  std::uint64_t seed) {
  const auto count = static_cast<std::int64_t>(samples.size());
  const auto none = [&] { return at::zeros({count}, at::kBool); };
  ConditionDrop drop{none(), none(), none(), none()};
  for (std::int64_t b = 0; b < count; ++b) {
    Random random(seed, static_cast<std::uint64_t>(samples[static_cast<std::size_t>(b)]), Stream::dropout);
    drop.identity.data_ptr<bool>()[b] = random.chance(config.identity);
    drop.references.data_ptr<bool>()[b] = random.chance(config.references);
    drop.priors.data_ptr<bool>()[b] = random.chance(config.priors);
    drop.normals.data_ptr<bool>()[b] = random.chance(config.normals);
  }
  return drop;
}

ConditionDrop drop_everything(std::int64_t samples) {
  const at::Tensor all = at::ones({samples}, at::kBool);
  return {all, all, all, all};
}

at::Tensor view_rays(const Batch& batch, std::int64_t latent_height, std::int64_t latent_width,
                     const ModelConfig& config) {
  const std::int64_t H = batch.colour.size(-2), W = batch.colour.size(-1);
  at::Tensor rays;
  if (config.rays == RayKind::pluecker) {
    rays = pluecker_rays(batch.vehicle_from_camera, batch.intrinsics, H, W, latent_height, latent_width);
  } else {
    const at::Tensor direction =
        ray_directions(batch.vehicle_from_camera, batch.intrinsics, H, W, latent_height, latent_width);
    const at::Tensor origin = batch.vehicle_from_camera.narrow(-2, 0, 3).narrow(-1, 3, 1).to(direction.scalar_type());
    rays = at::cat({origin.unsqueeze(-1).expand_as(direction), direction}, -3);
  }
  std::vector<at::Tensor> all = {rays};
  for (std::int64_t l = 0; l < config.ray_bands; ++l) {
    const at::Tensor phase = rays * (std::ldexp(1.0, static_cast<int>(l)) * std::numbers::pi);
    all.insert(all.end(), {phase.sin(), phase.cos()});
  }
  return at::cat(all, -3);
}

at::Tensor prior_channels(const Batch& batch) {
  static_assert(ModelConfig::kPriorChannels == PriorMaps::kChannels + 3);
  // n_camera = Rᵀ·n_vehicle
  const at::Tensor turn =
      batch.vehicle_from_camera.narrow(-2, 0, 3).narrow(-1, 0, 3).to(batch.priors.normal.scalar_type());
  const at::Tensor& normal = batch.priors.normal;
  const at::Tensor seen = at::matmul(turn.transpose(-1, -2), normal.flatten(3)).view(normal.sizes());
  return at::cat({batch.priors.stacked(), seen}, 2);
}

at::Tensor view_latents(const Batch& batch, const at::Tensor& rows, const Autoencoder& autoencoder) {
  return autoencoder.encode_kept(take_views(batch.colour, rows) * 2 - 1);
}

at::Tensor normal_latents(const at::Tensor& normals, const Autoencoder& autoencoder) {
  return autoencoder.encode(normals);
}

at::Tensor clean_latents(const Batch& batch, const at::Tensor& rows, const ModelConfig& config,
                         const Autoencoder& autoencoder) {
  const at::Tensor picture = view_latents(batch, rows, autoencoder);
  if (!config.normals) return picture;
  if (!batch.normals.defined()) fail("model.normals is on, but the batch has no normals: switch data.normals on, too");
  return at::cat({picture, normal_latents(take_views(batch.normals, rows), autoencoder)}, 1);
}

}  // namespace spinfill
