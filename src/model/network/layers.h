// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include <cstdint>

namespace spinfill {

// Layers whose weights are left unset by the constructor, on any device (kMeta allocates nothing): initial weights are
// filled in by name afterwards (model/denoiser/initialise.h). Parameter names are PyTorch's.
class Conv2dImpl : public torch::nn::Module {
 public:
  // A square kernel with padding kernel/2 and a bias.
  Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel, std::int64_t stride,
             const at::TensorOptions& tensors, bool with_bias = true);
  at::Tensor forward(const at::Tensor& x) const;
  // The same of a map that has its padding already.
  at::Tensor of_padded(const at::Tensor& x) const;
  at::Tensor weight, bias;  // bias undefined without one

 private:
  std::int64_t stride_, padding_;
};
TORCH_MODULE(Conv2d);

class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) const;
  // A low-rank adapter beside the weight (model/network/lora.h), A left unset and B zero.
  void add_adapter(std::int64_t rank, double scale);
  at::Tensor weight, bias;                // bias undefined without one
  at::Tensor lora_a, lora_b, lora_scale;  // [r,in], [out,r], 0-dim; undefined without an adapter
};
TORCH_MODULE(Linear);

class GroupNormImpl : public torch::nn::Module {
 public:
  GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) const;
  // With the mean and variance [N,groups] of a whole map, of which x may be a part.
  at::Tensor with_statistics(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& variance) const;
  std::int64_t groups() const { return groups_; }
  at::Tensor weight, bias;

 private:
  std::int64_t groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

class LayerNormImpl : public torch::nn::Module {
 public:
  LayerNormImpl(std::int64_t channels, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor weight, bias;
};
TORCH_MODULE(LayerNorm);

// diffusers' TimestepEmbedding: linear_1, SiLU, linear_2.
class EmbeddingMlpImpl : public torch::nn::Module {
 public:
  EmbeddingMlpImpl(std::int64_t in_features, std::int64_t width, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x);

 private:
  Linear linear_1_{nullptr}, linear_2_{nullptr};
};
TORCH_MODULE(EmbeddingMlp);

// Sinusoids of t [N] → [N,channels], cosines first, periods 2π … 2π·10⁴ (Ho et al. 2020; diffusers' Timesteps with
// flip_sin_to_cos=True, downscale_freq_shift=0). channels must be even.
at::Tensor sinusoidal_embedding(const at::Tensor& t, std::int64_t channels);

// diffusers' ResnetBlock2D: norm1, SiLU, conv1, + time_emb_proj(SiLU(embedding)), norm2, SiLU, conv2, + shortcut.
struct ResnetBlockOptions {
  std::int64_t in_channels = 0, out_channels = 0;
  std::int64_t embedding = 0;  // width E of the noise embedding
  std::int64_t groups = 32;
  at::TensorOptions tensors;
};
class ResnetBlock2DImpl : public torch::nn::Module {
 public:
  explicit ResnetBlock2DImpl(const ResnetBlockOptions& options);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& embedding);  // [N,C,h,w], [N,E] after SiLU → [N,C',h,w]

 private:
  GroupNorm norm1_{nullptr}, norm2_{nullptr};
  Conv2d conv1_{nullptr}, conv2_{nullptr}, conv_shortcut_{nullptr};
  Linear time_emb_proj_{nullptr};
};
TORCH_MODULE(ResnetBlock2D);

// diffusers' Downsample2D: a 3×3 convolution of stride 2, padding 1; h → ⌈h/2⌉.
class Downsample2DImpl : public torch::nn::Module {
 public:
  Downsample2DImpl(std::int64_t channels, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) { return conv_->forward(x); }

 private:
  Conv2d conv_{nullptr};
};
TORCH_MODULE(Downsample2D);

// diffusers' Upsample2D: nearest neighbour to height×width, then a 3×3 convolution.
class Upsample2DImpl : public torch::nn::Module {
 public:
  Upsample2DImpl(std::int64_t channels, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x, std::int64_t height, std::int64_t width);

 private:
  Conv2d conv_{nullptr};
};
TORCH_MODULE(Upsample2D);

// diffusers' FeedForward with GEGLU (Shazeer 2020): net.0.proj D → 8D, x·GELU(gate), net.2 4D → D.
class FeedForwardImpl : public torch::nn::Module {
 public:
  FeedForwardImpl(std::int64_t width, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x);

 private:
  Linear proj_{nullptr}, out_{nullptr};
};
TORCH_MODULE(FeedForward);

}  // namespace spinfill
