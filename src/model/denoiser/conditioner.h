// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>

#include "model/config.h"
#include "model/denoiser/conditioning.h"
#include "model/network/layers.h"

namespace spinfill {

// The learned part of the conditioning: embeddings added to the noise embedding, tokens, and what stands in for a
// dropped condition.
class ConditionerImpl : public torch::nn::Module {
 public:
  ConditionerImpl(const ModelConfig& config, std::int64_t embedding, const at::TensorOptions& tensors);
  // Condition tokens of every sample: [B,T,D].
  at::Tensor tokens(const Batch& batch, const Arrangement& arrangement);
  // Embedding of the cue of the views in `rows`: [N,E].
  at::Tensor cue(const Batch& batch, const at::Tensor& rows);
  // Clean latents [N,C,h,w], those of dropped views [N] bool replaced by the learned null latent.
  at::Tensor reference_latents(const at::Tensor& latents, const at::Tensor& dropped);

  at::Tensor clean_embedding;  // [E] stands for the noise embedding of a reference

 private:
  ModelConfig config_;
  EmbeddingMlp cue_embedding_{nullptr};
  Linear identity_projection_{nullptr};
  at::Tensor category_embedding_;  // [categories + 1, D], row 0: unknown or dropped
  at::Tensor null_identity_;       // [identity_tokens·D]
  at::Tensor null_token_;          // [D], a token that is always there
  at::Tensor null_reference_;      // [C]
};
TORCH_MODULE(Conditioner);

}  // namespace spinfill
