// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

#include "model/network/layers.h"
#include "model/network/reference_cache.h"
#include "model/network/view_layout.h"

namespace spinfill {

// Which rows a pass through the network holds, and what cross-view attention does with them.
enum class ViewPass {
  references,  // [ΣR]: records keys and values, ends after the last of them
  targets,     // [ΣT·M]: reads them
  joint,       // [ΣR + ΣT·M]: both in one pass, no cache
};
struct ViewContext {
  ViewPass pass = ViewPass::joint;
  const ViewLayout* layout = nullptr;
  std::int64_t draws = 1;                 // M
  ReferenceCache* record = nullptr;       // references
  const ReferenceCache* cache = nullptr;  // targets
  std::int64_t last_layer = -1;           // references: nothing after this layer is needed
  bool finished = false;                  // references: that layer is recorded
  bool attend_references = true;          // joint: by targets
  bool recompute = false;                 // layers keep nothing for backward, which runs them again
};

// Reference queries attend to the references of their sample. All [ΣR,n,D]; n tokens a view.
at::Tensor attend_references(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             const ViewLayout& layout, std::int64_t heads);
// Target queries attend to the references of their sample, unless these are undefined, and to the targets of their
// sample and draw. query, key, value [ΣT·M,n,D]; the references' [ΣR,m,D], m = n but for targets cut to windows.
at::Tensor attend_targets(const at::Tensor& query, const at::Tensor& reference_key, const at::Tensor& reference_value,
                          const at::Tensor& key, const at::Tensor& value, const ViewLayout& layout, std::int64_t draws,
                          std::int64_t heads);

// diffusers' Attention (to_q, to_k, to_v without bias, to_out.0 with).
struct AttentionOptions {
  std::int64_t width = 0;          // D
  std::int64_t context_width = 0;  // of what keys and values are made from
  std::int64_t heads = 8;
  at::TensorOptions tensors;
};
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const AttentionOptions& options);
  // Self-attention of layer `layer` over the views of a sample: [N,n,D] → [N,n,D], undefined once context.finished.
  at::Tensor cross_view(const at::Tensor& x, ViewContext& context, std::int64_t layer);
  // Attention to the condition tokens of the same view: [N,n,D], [N,T,D'] → [N,n,D].
  at::Tensor to_tokens(const at::Tensor& x, const at::Tensor& tokens);

 private:
  std::int64_t heads_;
  Linear to_q_{nullptr}, to_k_{nullptr}, to_v_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(Attention);

// diffusers' BasicTransformerBlock: norm1, attn1 (cross-view), norm2, attn2 (tokens), norm3, ff; each with a residual.
struct TransformerOptions {
  std::int64_t width = 0;
  std::int64_t heads = 8;
  std::int64_t cross_attention_dim = 768;
  std::int64_t groups = 32;
  std::int64_t layers = 1;
  bool linear_projection = false;
  std::int64_t first_layer = 0;  // cross-view layers are numbered in execution order
  at::TensorOptions tensors;
};
class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  BasicTransformerBlockImpl(const TransformerOptions& options, std::int64_t layer);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& tokens, ViewContext& context);

 private:
  std::int64_t layer_;
  LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
  Attention attn1_{nullptr}, attn2_{nullptr};
  FeedForward ff_{nullptr};
};
TORCH_MODULE(BasicTransformerBlock);

// diffusers' Transformer2DModel, proj_in and proj_out 1×1 convolutions or linear layers: [N,C,h,w] → [N,C,h,w].
class Transformer2DModelImpl : public torch::nn::Module {
 public:
  explicit Transformer2DModelImpl(const TransformerOptions& options);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& tokens, ViewContext& context);
  std::size_t first_layer() const { return first_layer_; }
  std::size_t layers() const { return blocks_.size(); }

 private:
  std::size_t first_layer_;
  GroupNorm norm_{nullptr};
  Conv2d proj_in_{nullptr}, proj_out_{nullptr};
  Linear linear_in_{nullptr}, linear_out_{nullptr};  // or these
  std::vector<BasicTransformerBlock> blocks_;
};
TORCH_MODULE(Transformer2DModel);

}  // namespace spinfill
