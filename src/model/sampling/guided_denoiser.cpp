// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/guided_denoiser.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace spinfill {

GuidedDenoiser::GuidedDenoiser(const Denoiser& denoiser, const Batch& batch, const Arrangement& arrangement,
                               double guidance, bool cache)
    : denoiser_(denoiser), guidance_(guidance), cache_(cache) {
  add_branch(batch, arrangement);
  if (guidance != 1) add_branch(batch, denoiser.arrange(batch, drop_everything(batch.size())));
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
  if (branches_.size() == 1) return d;
  const at::Tensor unconditional = evaluate(branches_.back(), x, levels, nullptr);
  return unconditional + (d - unconditional) * guidance_;
}

void require_guidable(const ModelConfig& model, double guidance) {
  const DropoutConfig& dropout = model.dropout;
  if (guidance == 1 || dropout.identity + dropout.references + dropout.priors > 0) return;
  fail_usage("guidance {} needs a model trained with dropped conditions; this one has none (model.dropout)", guidance);
}

}  // namespace spinfill
