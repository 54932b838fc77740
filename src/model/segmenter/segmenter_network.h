// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/network/layers.h"
#include "model/network/squeezenet.h"

namespace spinfill {

// A convolution, GroupNorm, ReLU.
class NormedConvImpl : public torch::nn::Module {
 public:
  NormedConvImpl(std::int64_t in, std::int64_t out, std::int64_t kernel, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x);

 private:
  Conv2d conv_{nullptr};
  GroupNorm norm_{nullptr};
};
TORCH_MODULE(NormedConv);

// Which pixels are the vehicle's: a U-net (Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical
// image segmentation", MICCAI 2015) whose way down are SqueezeNet's features and whose way up is narrow. At 1/32 of the
// size each place is told the mean of all. The last layer gives four pixels of each place at half the size (Shi et al.,
// "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network", CVPR
// 2016), so that nothing is computed at the full size.
class SegmenterNetworkImpl : public torch::nn::Module {
 public:
  explicit SegmenterNetworkImpl(const at::TensorOptions& tensors);
  // pictures [N,3,H,W], sRGB in [0,1], H and W even → logits [N,1,H,W].
  at::Tensor forward(const at::Tensor& pictures);
  TensorMap state() const { return parameters_by_name(*this); }

 private:
  SqueezeNet features_{nullptr};
  NormedConv deep_{nullptr}, deepest_{nullptr};
  Linear mean_{nullptr};
  std::vector<NormedConv> across_, up_;  // by level, finest first
  Conv2d out_{nullptr};
};
TORCH_MODULE(SegmenterNetwork);

// As begin_on_features() and set_parameters() say (model/network/squeezenet.h); it begins at a half everywhere.
SegmenterNetwork segmenter_network_on_features(const std::filesystem::path& weights, std::uint64_t seed);
SegmenterNetwork segmenter_network_of(const TensorMap& state, const std::string& where);

// The mean over pictures of a weighted cross entropy and of 1 − the weighted soft IoU, where pixels near the outline
// count up to six times (Wei, Wang and Huang, "F³Net: fusion, feedback and focus for salient object detection", AAAI
// 2020, eq. 7 to 11). logits, truth [N,1,H,W]; truth in [0,1]. 0-dim.
at::Tensor segmenter_loss(const at::Tensor& logits, const at::Tensor& truth);

}  // namespace spinfill
