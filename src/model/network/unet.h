// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

#include "model/network/cross_view.h"
#include "model/network/layers.h"
#include "model/network/unet_options.h"

namespace spinfill {

struct UNetBlockOptions {
  std::vector<std::int64_t> in_channels;  // of each resnet
  std::int64_t out_channels = 0;
  bool attention = false;
  bool resample = false;  // down blocks halve, up blocks double
  std::size_t level = 0;
};

// diffusers' DownBlock2D and CrossAttnDownBlock2D.
class DownBlockImpl : public torch::nn::Module {
 public:
  DownBlockImpl(const UNetBlockOptions& block, const UNetOptions& unet, std::int64_t& next_layer);
  // Appends every intermediate result to `skips`. Undefined once context.finished.
  at::Tensor forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context,
                     std::vector<at::Tensor>& skips);

 private:
  std::vector<ResnetBlock2D> resnets_;
  std::vector<Transformer2DModel> attentions_;
  Downsample2D downsampler_{nullptr};
};
TORCH_MODULE(DownBlock);

// diffusers' UNetMidBlock2DCrossAttn: resnet, transformer, resnet.
class MidBlockImpl : public torch::nn::Module {
 public:
  MidBlockImpl(const UNetOptions& unet, std::int64_t& next_layer);
  at::Tensor forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context);

 private:
  ResnetBlock2D first_{nullptr}, second_{nullptr};
  Transformer2DModel attention_{nullptr};
};
TORCH_MODULE(MidBlock);

// diffusers' UpBlock2D and CrossAttnUpBlock2D.
class UpBlockImpl : public torch::nn::Module {
 public:
  UpBlockImpl(const UNetBlockOptions& block, const UNetOptions& unet, std::int64_t& next_layer);
  // Takes its skips from the back. Undefined once context.finished.
  at::Tensor forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context,
                     std::vector<at::Tensor>& skips);

 private:
  std::vector<ResnetBlock2D> resnets_;
  std::vector<Transformer2DModel> attentions_;
  Upsample2D upsampler_{nullptr};
};
TORCH_MODULE(UpBlock);

// The UNet of Rombach et al. 2022, parameters named and shaped as in diffusers' UNet2DConditionModel, with attn1 across
// the views of a sample. N views; E = 4·block_out_channels[0].
class UNetImpl : public torch::nn::Module {
 public:
  explicit UNetImpl(const UNetOptions& options);
  // Sinusoids of t [N], then the MLP: [N,E].
  at::Tensor embed_time(const at::Tensor& t);
  // add_embedding of Stable Diffusion XL (Podell et al. 2023, §2.2; diffusers' "text_time"), to be added to that of the
  // noise: of pooled text [N,P] and of six sizes [N,6]: height and width of the original picture, top and left of the
  // part taken from it, height and width wanted; in pixels. [N,E].
  at::Tensor embed_sizes(const at::Tensor& sizes, const at::Tensor& pooled_text);
  // x [N,Cin,h,w], embedding [N,E], tokens [N,T,D] → [N,Cout,h,w]; undefined in the references' pass, which ends after
  // the last keys and values.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context);
  std::int64_t cross_view_layers() const { return layers_; }

 private:
  std::int64_t time_channels_, size_channels_, layers_ = 0;
  Conv2d conv_in_{nullptr}, conv_out_{nullptr};
  EmbeddingMlp time_embedding_{nullptr}, add_embedding_{nullptr};
  std::vector<DownBlock> down_;
  MidBlock mid_{nullptr};
  std::vector<UpBlock> up_;
  GroupNorm conv_norm_out_{nullptr};
};
TORCH_MODULE(UNet);

}  // namespace spinfill
