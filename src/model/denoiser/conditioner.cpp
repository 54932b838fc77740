// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/conditioner.h"

#include <ATen/ATen.h>

#include <vector>

#include "core/error.h"

namespace spinfill {

ConditionerImpl::ConditionerImpl(const ModelConfig& config, std::int64_t embedding, const at::TensorOptions& tensors)
    : config_(config) {
  const std::int64_t width = config.cross_attention_dim;
  clean_embedding = register_parameter("clean_embedding", at::empty({embedding}, tensors));
  null_reference_ = register_parameter("null_reference", at::empty({config.latent_channels()}, tensors));
  if (config.use_cue) {
    cue_embedding_ = register_module("cue_embedding", EmbeddingMlp(Batch::kCueSize, embedding, tensors));
  }
  if (config.use_category) {
    category_embedding_ = register_parameter("category_embedding", at::empty({config.categories + 1, width}, tensors));
  }
  if (config.identity_dim > 0) {
    identity_projection_ = register_module("identity_projection",
                                           Linear(config.identity_dim, config.identity_tokens * width, true, tensors));
    null_identity_ = register_parameter("null_identity", at::empty({config.identity_tokens * width}, tensors));
  }
  null_token_ = register_parameter("null_token", at::empty({width}, tensors));
}

at::Tensor ConditionerImpl::tokens(const Batch& batch, const Arrangement& arrangement) {
  const at::Tensor& drop = arrangement.drop.identity;
  std::vector<at::Tensor> tokens;
  const std::int64_t samples = batch.is_reference.size(0);
  if (config_.use_category) {
    const at::Tensor& row = arrangement.category_rows;
    tokens.push_back(category_embedding_.index_select(0, drop.defined() ? row.masked_fill(drop, 0) : row));
  }
  if (config_.identity_dim > 0) {
    at::Tensor identity = batch.identity;
    at::Tensor unknown = drop.defined() ? drop : at::zeros({samples}, batch.colour.options().dtype(at::kBool));
    if (!identity.defined()) {
      identity = at::zeros({samples, config_.identity_dim}, null_identity_.options());
      unknown = at::ones_like(unknown);
    }
    if (identity.dim() != 2 || identity.size(1) != config_.identity_dim) {
      fail("identity vectors have {} values, this model takes {}", identity.size(-1), config_.identity_dim);
    }
    if (batch.identity_known.defined()) unknown = unknown.logical_or(batch.identity_known.logical_not());
    const at::Tensor known = identity_projection_->forward(identity.to(null_identity_.scalar_type()));
    const at::Tensor told = at::where(unknown.unsqueeze(1), null_identity_.unsqueeze(0), known);
    for (const at::Tensor& token : told.chunk(config_.identity_tokens, 1)) tokens.push_back(token);
  }
  // Always there: with one token attention has nothing to weigh, and its queries and keys would never be trained.
  tokens.push_back(null_token_.unsqueeze(0).expand({samples, -1}));
  return at::stack(tokens, 1);
}

at::Tensor ConditionerImpl::cue(const Batch& batch, const at::Tensor& rows) {
  if (!config_.use_cue) return at::zeros({rows.size(0), clean_embedding.size(0)}, clean_embedding.options());
  return cue_embedding_->forward(take_views(batch.cue, rows).to(clean_embedding.scalar_type()));
}

at::Tensor ConditionerImpl::reference_latents(const at::Tensor& latents, const at::Tensor& dropped) {
  const at::Tensor null = null_reference_.to(latents.scalar_type()).view({1, -1, 1, 1});
  return at::where(dropped.view({-1, 1, 1, 1}), null, latents);
}

}  // namespace spinfill
