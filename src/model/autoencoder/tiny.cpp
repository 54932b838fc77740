// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "model/autoencoder/network.h"

namespace spinfill {
namespace {

// Holds the numbers of layers without parameters.
class WithoutParametersImpl : public torch::nn::Module {};
TORCH_MODULE(WithoutParameters);

// diffusers' AutoencoderTinyBlock: three convolutions with ReLU between, added to the input, ReLU.
class TinyBlockImpl : public torch::nn::Module {
 public:
  TinyBlockImpl(std::int64_t channels, const at::TensorOptions& tensors) {
    torch::nn::ModuleList layers;
    for (Conv2d& conv : convs_) {
      conv = Conv2d(channels, channels, 3, 1, tensors);
      if (!layers->is_empty()) layers->push_back(WithoutParameters());
      layers->push_back(conv);
    }
    register_module("conv", layers);
  }
  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor first = at::relu(convs_[0]->forward(x)), second = at::relu(convs_[1]->forward(first));
    return at::relu(convs_[2]->forward(second) + x);
  }

 private:
  Conv2d convs_[3] = {Conv2d(nullptr), Conv2d(nullptr), Conv2d(nullptr)};
};
TORCH_MODULE(TinyBlock);

// A numbered list of layers and the steps through them.
class Layers {
 public:
  Layers(std::int64_t width, const at::TensorOptions& tensors, Steps& steps)
      : width_(width), tensors_(tensors), steps_(steps) {}

  template <class Function>  // of the convolution and its input
  void conv(std::int64_t in, std::int64_t out, std::int64_t stride, bool bias, const Function& function) {
    const Conv2d conv(in, out, 3, stride, tensors_, bias);
    list_->push_back(conv);
    Step step;
    step.run = [=](const FeatureMap& at, const Normalise&) { return FeatureMap{function(conv, at.x), {}}; };
    step.channels = out;
    step.down = stride;
    step.reach = 1;
    steps_.push_back(std::move(step));
  }
  void conv(std::int64_t in, std::int64_t out, std::int64_t stride, bool bias) {
    conv(in, out, stride, bias, [](const Conv2d& layer, const at::Tensor& x) { return layer->forward(x); });
  }
  void blocks(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const TinyBlock block(width_, tensors_);
      list_->push_back(block);
      Step step;
      step.run = [=](const FeatureMap& at, const Normalise&) { return FeatureMap{block->forward(at.x), {}}; };
      step.channels = width_;
      step.reach = 3;
      steps_.push_back(std::move(step));
    }
  }
  // Twice the size by nearest neighbours, then a convolution.
  void up_conv() {
    skip_number();
    conv(width_, width_, 1, false, [](const Conv2d& layer, const at::Tensor& x) {
      const std::int64_t size[] = {2 * x.size(2), 2 * x.size(3)};
      return layer->forward(at::upsample_nearest2d(x, size));
    });
    steps_.back().up = 2;
  }
  void skip_number() { list_->push_back(WithoutParameters()); }
  const torch::nn::ModuleList& list() const { return list_; }

 private:
  std::int64_t width_;
  at::TensorOptions tensors_;
  Steps& steps_;
  torch::nn::ModuleList list_;
};

class LayerListImpl : public torch::nn::Module {
 public:
  explicit LayerListImpl(const torch::nn::ModuleList& layers) { register_module("layers", layers); }
};
TORCH_MODULE(LayerList);

}  // namespace

AutoencoderTiny::AutoencoderTiny(const AutoencoderArchitecture& a, const at::TensorOptions& tensors)
    : AutoencoderNetwork(a) {
  const std::int64_t width = a.block_out_channels.front();
  Layers encoder(width, tensors, encoder_steps_);
  for (std::size_t level = 0; level < a.encoder_blocks.size(); ++level) {
    if (level == 0) {  // pictures in [0,1] are what it was trained with
      encoder.conv(3, width, 1, true,
                   [](const Conv2d& layer, const at::Tensor& x) { return layer->forward((x + 1) / 2); });
    } else {
      encoder.conv(width, width, 2, false);
    }
    encoder.blocks(a.encoder_blocks[level]);
  }
  encoder.conv(width, a.latent_channels, 1, true);
  register_module("encoder", LayerList(encoder.list()));

  Layers decoder(width, tensors, decoder_steps_);
  decoder.conv(a.latent_channels, width, 1, true,
               [](const Conv2d& layer, const at::Tensor& x) { return at::relu(layer->forward(at::tanh(x / 3) * 3)); });
  decoder.skip_number();
  for (std::size_t level = 0; level < a.decoder_blocks.size(); ++level) {
    decoder.blocks(a.decoder_blocks[level]);
    if (level + 1 < a.decoder_blocks.size()) decoder.up_conv();
  }
  decoder.conv(width, 3, 1, true, [](const Conv2d& layer, const at::Tensor& x) { return layer->forward(x) * 2 - 1; });
  register_module("decoder", LayerList(decoder.list()));
}

}  // namespace spinfill
