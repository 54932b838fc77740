// SPDX-License-Identifier: Apache-2.0
#include "model/network/layers.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/autocast.h"

namespace spinfill {

Conv2dImpl::Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel, std::int64_t stride,
                       const at::TensorOptions& tensors, bool with_bias)
    : stride_(stride), padding_(kernel / 2) {
  weight = register_parameter("weight", at::empty({out_channels, in_channels, kernel, kernel}, tensors));
  if (with_bias) bias = register_parameter("bias", at::empty({out_channels}, tensors));
}

at::Tensor Conv2dImpl::forward(const at::Tensor& x) const {
  return at::conv2d(cast_product(x), cast_product(weight), cast_product(bias), stride_, padding_);
}

at::Tensor Conv2dImpl::of_padded(const at::Tensor& x) const {
  return at::conv2d(cast_product(x), cast_product(weight), cast_product(bias), stride_);
}

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias,
                       const at::TensorOptions& tensors) {
  weight = register_parameter("weight", at::empty({out_features, in_features}, tensors));
  if (with_bias) bias = register_parameter("bias", at::empty({out_features}, tensors));
}

at::Tensor LinearImpl::forward(const at::Tensor& x) const {
  const auto linear = [](const at::Tensor& in, const at::Tensor& matrix, const at::Tensor& offset) {
    return at::linear(cast_product(in), cast_product(matrix), cast_product(offset));
  };
  const at::Tensor out = linear(x, weight, bias);
  if (!lora_a.defined()) return out;
  return out + linear(linear(x, lora_a, {}), lora_b, {}) * lora_scale;
}

void LinearImpl::add_adapter(std::int64_t rank, double scale) {
  const auto tensors = weight.options().requires_grad(false);
  lora_a = register_parameter("lora_A", at::empty({rank, weight.size(1)}, tensors));
  lora_b = register_parameter("lora_B", at::zeros({weight.size(0), rank}, tensors));
  lora_scale = register_buffer("lora_scale", at::full({}, scale, tensors));
}

GroupNormImpl::GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps, const at::TensorOptions& tensors)
    : groups_(groups), eps_(eps) {
  weight = register_parameter("weight", at::empty({channels}, tensors));
  bias = register_parameter("bias", at::empty({channels}, tensors));
}

at::Tensor GroupNormImpl::forward(const at::Tensor& x) const {
  return at::group_norm(cast_norm(x), groups_, weight, bias, eps_);
}

at::Tensor GroupNormImpl::with_statistics(const at::Tensor& x, const at::Tensor& mean,
                                          const at::Tensor& variance) const {
  const std::int64_t each = x.size(1) / groups_;
  const at::Tensor scale = at::rsqrt(variance + eps_).repeat_interleave(each, 1) * weight;  // [N,C]
  const at::Tensor shift = bias - mean.repeat_interleave(each, 1) * scale;
  return x * scale.view({x.size(0), -1, 1, 1}).to(x.scalar_type()) +
         shift.view({x.size(0), -1, 1, 1}).to(x.scalar_type());
}

LayerNormImpl::LayerNormImpl(std::int64_t channels, const at::TensorOptions& tensors) {
  weight = register_parameter("weight", at::empty({channels}, tensors));
  bias = register_parameter("bias", at::empty({channels}, tensors));
}

at::Tensor LayerNormImpl::forward(const at::Tensor& x) const {
  return at::layer_norm(cast_norm(x), weight.sizes(), weight, bias, 1e-5);
}

EmbeddingMlpImpl::EmbeddingMlpImpl(std::int64_t in_features, std::int64_t width, const at::TensorOptions& tensors) {
  linear_1_ = register_module("linear_1", Linear(in_features, width, true, tensors));
  linear_2_ = register_module("linear_2", Linear(width, width, true, tensors));
}

at::Tensor EmbeddingMlpImpl::forward(const at::Tensor& x) {
  return linear_2_->forward(at::silu(linear_1_->forward(x)));
}

at::Tensor sinusoidal_embedding(const at::Tensor& t, std::int64_t channels) {
  const std::int64_t half = channels / 2;
  const at::Tensor exponent = at::arange(half, t.options()) * (-std::log(10000.0) / static_cast<double>(half));
  const at::Tensor phase = t.unsqueeze(1) * at::exp(exponent).unsqueeze(0);
  return at::cat({at::cos(phase), at::sin(phase)}, 1);
}

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetBlockOptions& o) {
  norm1_ = register_module("norm1", GroupNorm(o.groups, o.in_channels, 1e-5, o.tensors));
  conv1_ = register_module("conv1", Conv2d(o.in_channels, o.out_channels, 3, 1, o.tensors));
  time_emb_proj_ = register_module("time_emb_proj", Linear(o.embedding, o.out_channels, true, o.tensors));
  norm2_ = register_module("norm2", GroupNorm(o.groups, o.out_channels, 1e-5, o.tensors));
  conv2_ = register_module("conv2", Conv2d(o.out_channels, o.out_channels, 3, 1, o.tensors));
  if (o.in_channels != o.out_channels) {
    conv_shortcut_ = register_module("conv_shortcut", Conv2d(o.in_channels, o.out_channels, 1, 1, o.tensors));
  }
}

at::Tensor ResnetBlock2DImpl::forward(const at::Tensor& x, const at::Tensor& embedding) {
  at::Tensor hidden = conv1_->forward(at::silu(norm1_->forward(x)));
  hidden = hidden + time_emb_proj_->forward(embedding).unsqueeze(-1).unsqueeze(-1);
  hidden = conv2_->forward(at::silu(norm2_->forward(hidden)));
  return (conv_shortcut_.is_empty() ? x : conv_shortcut_->forward(x)) + hidden;
}

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, const at::TensorOptions& tensors) {
  conv_ = register_module("conv", Conv2d(channels, channels, 3, 2, tensors));
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels, const at::TensorOptions& tensors) {
  conv_ = register_module("conv", Conv2d(channels, channels, 3, 1, tensors));
}

at::Tensor Upsample2DImpl::forward(const at::Tensor& x, std::int64_t height, std::int64_t width) {
  const std::int64_t size[] = {height, width};
  return conv_->forward(at::upsample_nearest2d(x, size));
}

namespace {

// Gives net.0 its sub-module "proj".
class GegluImpl : public torch::nn::Module {
 public:
  explicit GegluImpl(const Linear& proj) { register_module("proj", proj); }
};
TORCH_MODULE(Geglu);

// net.1, which has no parameters here: diffusers' dropout.
class NothingImpl : public torch::nn::Module {};
TORCH_MODULE(Nothing);

}  // namespace

FeedForwardImpl::FeedForwardImpl(std::int64_t width, const at::TensorOptions& tensors)
    : proj_(Linear(width, 8 * width, true, tensors)), out_(Linear(4 * width, width, true, tensors)) {
  torch::nn::ModuleList net;
  net->push_back(Geglu(proj_));
  net->push_back(Nothing());
  net->push_back(out_);
  register_module("net", net);
}

at::Tensor FeedForwardImpl::forward(const at::Tensor& x) {
  const auto parts = proj_->forward(x).chunk(2, -1);
  return out_->forward(parts[0] * at::gelu(parts[1]));
}

}  // namespace spinfill
