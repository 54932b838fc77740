// SPDX-License-Identifier: Apache-2.0
#include "model/cost/cost.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "model/cost/meta_kernels.h"

namespace spinfill {

namespace {

PriorMaps blank_priors(const at::Tensor& alpha) {  // [B,V,1,H,W]
  PriorMaps priors;
  for (const auto& [map, channels] : PriorMaps::kParts) {
    priors.*map = alpha.new_zeros({alpha.size(0), alpha.size(1), channels, alpha.size(3), alpha.size(4)});
  }
  return priors;
}

}  // namespace

Batch blank_batch(const std::vector<ViewCounts>& sets, std::int64_t height, std::int64_t width, at::Device device,
                  bool depth, std::int64_t close_up) {
  const std::int64_t B = std::ssize(sets), V = Batch::kViews;
  const auto maps = [&](std::int64_t channels) {
    return at::zeros({B, V, channels, height, width}, at::TensorOptions(device).dtype(at::kFloat));
  };
  Batch batch;
  batch.is_reference = at::zeros({B, V}, at::kBool);
  batch.is_target = at::zeros({B, V}, at::kBool);
  for (std::int64_t b = 0; b < B; ++b) {
    const auto [references, targets] = sets[static_cast<std::size_t>(b)];
    if (references < 0 || targets < 0 || references + targets > V) {
      fail("{} references and {} targets are more than {} views", references, targets, V);
    }
    batch.ids.emplace_back("blank");
    batch.samples.push_back(b);
    batch.is_reference[b].narrow(0, 0, references).fill_(true);
    batch.is_target[b].narrow(0, references, targets).fill_(true);
  }
  const at::TensorOptions doubles = at::TensorOptions(device).dtype(at::kDouble);
  batch.colour = maps(3);
  batch.alpha = maps(1);
  if (depth) batch.depth = maps(1);
  batch.background = at::zeros({B, 3}, batch.colour.options());
  batch.azimuth_deg = at::zeros({B, V}, doubles);
  batch.vehicle_from_camera = at::eye(4, doubles).expand({B, V, 4, 4}).contiguous();
  batch.intrinsics = at::ones({B, V, 4}, doubles);
  batch.cue = at::zeros({B, V, Batch::kCueSize}, batch.colour.options());
  batch.category = at::zeros({B}, at::kLong);
  batch.priors = blank_priors(batch.alpha);
  if (close_up > 1) batch.close_ups = blank_close_ups(B, height, width, close_up, device);
  return batch;
}

Batch blank_batch(const std::vector<ViewCounts>& sets, const DataConfig& data, at::Device device) {
  Batch batch = blank_batch(sets, data.height, data.width, device, data.depth, data.close_up);
  if (!data.normals) return batch;
  batch.normals = at::zeros_like(batch.colour);
  batch.normals_given = at::zeros({batch.size(), Batch::kViews}, batch.colour.options());
  return batch;
}

Batch without_memory(const Batch& batch) {
  Batch shapes = batch.to(at::kMeta);
  if (!shapes.has_priors()) shapes.priors = blank_priors(shapes.alpha);
  return shapes;
}

Flops training_flops(const Denoiser& denoiser, const Batch& batch, const LossOptions& options, std::uint64_t seed,
                     const PerceptualDistance& perceptual, const Teacher* teacher) {
  use_meta_kernels();
  const FlopCounter counter;
  loss_of_step(denoiser, teacher, batch, options, seed, perceptual);
  return counter.flops();
}

}  // namespace spinfill
