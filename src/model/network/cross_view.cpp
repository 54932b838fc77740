// SPDX-License-Identifier: Apache-2.0
#include "model/network/cross_view.h"

#include <ATen/ATen.h>

#include "model/attention/fused_attention.h"
#include "model/autocast.h"

namespace spinfill {

namespace {

// softmax(q·kᵀ/√d)·v, the heads split off as views. query [S,L,D], key and value [S,K,D] → [S,L,D].
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads) {
  if (can_fuse_attention(query, key, heads)) return fused_attention(query, key, value, heads);
  const std::int64_t samples = query.size(0), width = query.size(2);
  auto split = [&](const at::Tensor& x) {
    return cast_product(x).view({samples, x.size(1), heads, width / heads}).transpose(1, 2);
  };
  const at::Tensor out = at::scaled_dot_product_attention(split(query), split(key), split(value));
  return out.transpose(1, 2).reshape({samples, query.size(1), width});
}

// Rows of one group as [samples·draws, views·n, D], a view.
at::Tensor group_rows(const at::Tensor& x, std::int64_t first, std::int64_t sets, std::int64_t views) {
  return x.narrow(0, first, sets * views).view({sets, views * x.size(1), x.size(2)});
}

at::Tensor join(const std::vector<at::Tensor>& parts, const at::Tensor& like) {
  if (parts.empty()) return at::empty_like(like);
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

}  // namespace

at::Tensor attend_references(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             const ViewLayout& layout, std::int64_t heads) {
  std::vector<at::Tensor> parts;
  for (const ViewGroup& group : layout.groups) {
    if (group.references == 0) continue;
    auto rows = [&](const at::Tensor& x) {
      return group_rows(x, group.first_reference, group.samples, group.references);
    };
    const at::Tensor out = attend(rows(query), rows(key), rows(value), heads);
    parts.push_back(out.view({group.samples * group.references, query.size(1), query.size(2)}));
  }
  return join(parts, query);
}

at::Tensor attend_targets(const at::Tensor& query, const at::Tensor& reference_key, const at::Tensor& reference_value,
                          const at::Tensor& key, const at::Tensor& value, const ViewLayout& layout, std::int64_t draws,
                          std::int64_t heads) {
  const std::int64_t tokens = query.size(1), width = query.size(2);
  std::vector<at::Tensor> parts;
  for (const ViewGroup& group : layout.groups) {
    if (group.targets == 0) continue;
    const std::int64_t first = group.first_target * draws, sets = group.samples * draws;
    auto rows = [&](const at::Tensor& x) { return group_rows(x, first, sets, group.targets); };
    // The draws of a sample share its references: expanded, and copied once by the concatenation.
    auto with_references = [&](const at::Tensor& reference, const at::Tensor& target) {
      if (group.references == 0 || !reference.defined()) return rows(target);
      const std::int64_t given = group.references * reference.size(1), made = group.targets * tokens;
      const at::Tensor shared = group_rows(reference, group.first_reference, group.samples, group.references)
                                    .unsqueeze(1)
                                    .expand({group.samples, draws, given, width});
      const at::Tensor own = rows(target).view({group.samples, draws, made, width});
      return at::cat({shared, own}, 2).view({sets, given + made, width});
    };
    const at::Tensor out =
        attend(rows(query), with_references(reference_key, key), with_references(reference_value, value), heads);
    parts.push_back(out.view({sets * group.targets, tokens, width}));
  }
  return join(parts, query);
}

AttentionImpl::AttentionImpl(const AttentionOptions& o) : heads_(o.heads) {
  to_q_ = register_module("to_q", Linear(o.width, o.width, false, o.tensors));
  to_k_ = register_module("to_k", Linear(o.context_width, o.width, false, o.tensors));
  to_v_ = register_module("to_v", Linear(o.context_width, o.width, false, o.tensors));
  to_out_ = Linear(o.width, o.width, true, o.tensors);
  torch::nn::ModuleList out;
  out->push_back(to_out_);
  register_module("to_out", out);
}

at::Tensor AttentionImpl::cross_view(const at::Tensor& x, ViewContext& context, std::int64_t layer) {
  const ViewLayout& layout = *context.layout;
  const at::Tensor key = to_k_->forward(x), value = to_v_->forward(x);
  if (context.pass == ViewPass::references) {
    context.record->layers.push_back({key, value});
    context.finished = layer == context.last_layer;
    if (context.finished) return {};
    return to_out_->forward(attend_references(to_q_->forward(x), key, value, layout, heads_));
  }
  const at::Tensor query = to_q_->forward(x);
  if (context.pass == ViewPass::targets) {
    const auto& reference = context.cache->layers.at(static_cast<std::size_t>(layer));
    return to_out_->forward(
        attend_targets(query, reference.key, reference.value, key, value, layout, context.draws, heads_));
  }
  const std::int64_t targets = x.size(0) - layout.references;
  auto references_of = [&](const at::Tensor& rows) { return rows.narrow(0, 0, layout.references); };
  auto targets_of = [&](const at::Tensor& rows) { return rows.narrow(0, layout.references, targets); };
  const at::Tensor of_references =
      attend_references(references_of(query), references_of(key), references_of(value), layout, heads_);
  const auto seen = [&](const at::Tensor& rows) {
    return context.attend_references ? references_of(rows) : at::Tensor();
  };
  const at::Tensor of_targets = attend_targets(targets_of(query), seen(key), seen(value), targets_of(key),
                                               targets_of(value), layout, context.draws, heads_);
  return to_out_->forward(at::cat({of_references, of_targets}, 0));
}

at::Tensor AttentionImpl::to_tokens(const at::Tensor& x, const at::Tensor& tokens) {
  return to_out_->forward(attend(to_q_->forward(x), to_k_->forward(tokens), to_v_->forward(tokens), heads_));
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(const TransformerOptions& o, std::int64_t layer) : layer_(layer) {
  norm1_ = register_module("norm1", LayerNorm(o.width, o.tensors));
  attn1_ = register_module("attn1", Attention(AttentionOptions{o.width, o.width, o.heads, o.tensors}));
  norm2_ = register_module("norm2", LayerNorm(o.width, o.tensors));
  attn2_ = register_module("attn2", Attention(AttentionOptions{o.width, o.cross_attention_dim, o.heads, o.tensors}));
  norm3_ = register_module("norm3", LayerNorm(o.width, o.tensors));
  ff_ = register_module("ff", FeedForward(o.width, o.tensors));
}

at::Tensor BasicTransformerBlockImpl::forward(const at::Tensor& x, const at::Tensor& tokens, ViewContext& context) {
  const at::Tensor across = attn1_->cross_view(norm1_->forward(x), context, layer_);
  if (context.finished) return {};
  at::Tensor hidden = x + across;
  hidden = hidden + attn2_->to_tokens(norm2_->forward(hidden), tokens);
  return hidden + ff_->forward(norm3_->forward(hidden));
}

Transformer2DModelImpl::Transformer2DModelImpl(const TransformerOptions& o)
    : first_layer_(static_cast<std::size_t>(o.first_layer)) {
  norm_ = register_module("norm", GroupNorm(o.groups, o.width, 1e-6, o.tensors));
  if (o.linear_projection) {
    linear_in_ = register_module("proj_in", Linear(o.width, o.width, true, o.tensors));
  } else {
    proj_in_ = register_module("proj_in", Conv2d(o.width, o.width, 1, 1, o.tensors));
  }
  torch::nn::ModuleList blocks;
  for (std::int64_t i = 0; i < o.layers; ++i) {
    blocks_.emplace_back(o, o.first_layer + i);
    blocks->push_back(blocks_.back());
  }
  register_module("transformer_blocks", blocks);
  if (o.linear_projection) {
    linear_out_ = register_module("proj_out", Linear(o.width, o.width, true, o.tensors));
  } else {
    proj_out_ = register_module("proj_out", Conv2d(o.width, o.width, 1, 1, o.tensors));
  }
}

at::Tensor Transformer2DModelImpl::forward(const at::Tensor& x, const at::Tensor& tokens, ViewContext& context) {
  const std::int64_t views = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  const bool linear = !linear_in_.is_empty();
  const at::Tensor normed = norm_->forward(x);
  // Pixels become tokens; with channels-last memory this is a view.
  at::Tensor hidden =
      (linear ? normed : proj_in_->forward(normed)).permute({0, 2, 3, 1}).reshape({views, height * width, channels});
  if (linear) hidden = linear_in_->forward(hidden);
  for (auto& block : blocks_) {
    hidden = block->forward(hidden, tokens, context);
    if (context.finished) return {};
  }
  if (linear) hidden = linear_out_->forward(hidden);
  hidden = hidden.view({views, height, width, channels}).permute({0, 3, 1, 2});
  return (linear ? hidden : proj_out_->forward(hidden)) + x;
}

}  // namespace spinfill
