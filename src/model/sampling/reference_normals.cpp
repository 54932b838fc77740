// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/reference_normals.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "model/sampling/target_latents.h"

namespace spinfill {
namespace {

// [B,V] bool on the processor: references without normals.
at::Tensor without_normals(const Batch& batch) {
  if (!batch.normals_given.defined() || batch.normals_given.is_meta()) return batch.is_reference;
  return at::logical_and(batch.is_reference, batch.normals_given.to(at::kCPU) == 0);
}

// Every view twice: the references as they are, then those without normals once more, as targets.
Batch asking_normals(const Batch& batch) {
  Batch out = batch;
  out.close_ups = {};
  out.is_target = at::zeros_like(batch.is_target);
  for (at::Tensor* views : out.on_device()) {
    const bool of_set = views == &out.background || views == &out.identity || views == &out.identity_known;
    if (of_set || !views->defined()) continue;
    *views = at::cat({*views, *views}, 1);
  }
  const at::Tensor none = at::zeros_like(batch.is_reference);
  out.is_reference = at::cat({batch.is_reference, none}, 1);
  out.is_target = at::cat({none, without_normals(batch)}, 1);
  return out;
}

}  // namespace

bool lacks_reference_normals(const Batch& batch, const SamplerConfig& config, const ModelConfig& model) {
  return model.normals && config.reference_normals && without_normals(batch).any().item<bool>();
}

Batch with_reference_normals(const Denoiser& denoiser, const Batch& batch, const SamplerConfig& config,
                             std::uint64_t seed, const std::function<void()>& evaluated) {
  const at::NoGradGuard no_grad;
  const Batch asking = asking_normals(batch);
  const TargetLatents sampled = sample_targets(denoiser, asking, config, {seed, /*pictures_known=*/true, evaluated});
  const std::int64_t picture = denoiser.autoencoder().channels(), V = batch.colour.size(1);
  const at::Tensor normals = denoiser.autoencoder().decode(sampled.latents.narrow(1, picture, picture)).clamp(-1, 1);
  Batch out = batch;
  out.normals = batch.normals.defined() ? batch.normals.clone() : at::zeros_like(batch.colour);
  out.normals_given = batch.is_reference.to(batch.colour.device(), batch.colour.scalar_type());
  // Row b·2V + V + v of the views asked for is row b·V + v.
  const at::Tensor rows = sampled.rows.div(2 * V, "floor") * V + sampled.rows.remainder(2 * V) - V;
  out.normals.flatten(0, 1).index_copy_(0, rows, normals.to(out.normals.scalar_type()));
  return out;
}

}  // namespace spinfill
