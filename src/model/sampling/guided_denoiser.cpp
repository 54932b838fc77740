// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/guided_denoiser.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace spinfill {
namespace {

// g of each target row [ΣT], on the processor. Batches without memory (at::kMeta) have no azimuths.
at::Tensor guidance_scales(const Guidance& guidance, const Batch& batch) {
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  if (batch.azimuth_deg.is_meta()) return at::ones({layout.targets});
  const at::Tensor azimuth = batch.azimuth_deg.to(at::kCPU).to(at::kDouble);
  const at::Tensor turn = (azimuth.unsqueeze(2) - azimuth.unsqueeze(1)).abs().remainder(360);
  const at::Tensor apart = at::minimum(turn, 360 - turn) / 180;  // [B,V,V]
  const at::Tensor given = batch.is_reference.to(at::kCPU).unsqueeze(1);
  const at::Tensor share = apart.masked_fill(given.logical_not(), 1).amin(2);
  const at::Tensor scale = share * (guidance.far - guidance.scale) + guidance.scale;
  return scale.to(at::kFloat).flatten().index_select(0, layout.target_rows);
}

}  // namespace

GuidedDenoiser::GuidedDenoiser(const Denoiser& denoiser, const Batch& batch, const Arrangement& arrangement,
                               const Guidance& guidance, bool cache)
    : denoiser_(denoiser), guidance_(guidance), cache_(cache) {
  add_branch(batch, arrangement);
  if (!guidance.any()) return;
  add_branch(batch, denoiser.arrange(batch, drop_everything(batch.size())));
  scales_ = guidance_scales(guidance, batch).to(batch.colour.device()).view({-1, 1, 1, 1});
}

void GuidedDenoiser::add_branch(const Batch& batch, const Arrangement& arrangement) {
  Branch branch{denoiser_.condition(batch, arrangement), {}};
  if (cache_) branch.references = denoiser_.encode_references(branch.conditioning);
  branches_.push_back(std::move(branch));
}

at::Tensor GuidedDenoiser::evaluate(const Branch& branch, const at::Tensor& x, const at::Tensor& sigma,
                                    SourceFields* fields) const {
  return cache_ ? denoiser_.denoise(x, sigma, branch.conditioning, branch.references, fields)
                : denoiser_.denoise_joint(x, sigma, branch.conditioning, fields);
}

at::Tensor GuidedDenoiser::operator()(const at::Tensor& x, double sigma) {
  const at::Tensor levels = at::full({x.size(0)}, sigma, x.options());
  const at::Tensor d = evaluate(branches_.front(), x, levels, &fields_);
  if (!guidance_.at(sigma)) return d;
  const at::Tensor unconditional = evaluate(branches_.back(), x, levels, nullptr);
  const ViewLayout& layout = conditioning().layout;
  return unconditional + (d - unconditional) * layout.repeat_draws(scales_, layout.draws_of(x));
}

void GuidedDenoiser::look_through(const TargetWindows& windows) {
  if (!cache_) fail("windows of views need the references' cache");
  for (Branch& branch : branches_)
    branch.conditioning = condition_windows(branch.conditioning, windows, denoiser_.autoencoder().factor());
  if (scales_.defined()) scales_ = scales_.index_select(0, windows.which.to(scales_.device()));
}

void require_guidable(const ModelConfig& model, const Guidance& guidance) {
  const DropoutConfig& dropout = model.dropout;
  if (!guidance.any() || dropout.identity + dropout.references + dropout.priors > 0) return;
  fail_usage("guidance {} needs a model trained with dropped conditions; this one has none (model.dropout)",
             guidance.scale != 1 ? guidance.scale : guidance.far);
}

}  // namespace spinfill
