// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"
#include "model/network/copy_state.h"
#include "model/network/layers.h"

namespace spinfill {

// A 3×3 convolution with a dilation, and ReLU.
class ReluConvImpl : public torch::nn::Module {
 public:
  ReluConvImpl(std::int64_t in, std::int64_t out, std::int64_t dilation, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
  std::int64_t dilation_;
};
TORCH_MODULE(ReluConv);

// A residual U-block (Qin et al. 2020, §3.1): a small U-net of `height` levels whose result is added to its first
// layer's. With holes, dilations of 1, 2, 4, 8 take the place of smaller maps.
class ResidualUBlockImpl : public torch::nn::Module {
 public:
  ResidualUBlockImpl(std::size_t height, bool holes, std::int64_t in, const at::TensorOptions& tensors);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  bool holes_;
  ReluConv in_{nullptr};
  std::vector<ReluConv> down_, up_;  // finest first
};
TORCH_MODULE(ResidualUBlock);

// Which pixels are the vehicle's: U-2-Net in its small form (Qin et al., "U²-Net: going deeper with nested U-structure
// for salient object detection", Pattern Recognition 2020), 1.1 million weights, batch normalisation folded into the
// convolutions, as published models for running have it.
class SegmenterNetworkImpl : public torch::nn::Module {
 public:
  explicit SegmenterNetworkImpl(const at::TensorOptions& tensors);
  // pictures [N,3,H,W], sRGB in [0,1] → logits [N,1,H,W].
  at::Tensor forward(const at::Tensor& pictures) const;
  TensorMap state() const { return parameters_by_name(*this); }

 private:
  std::vector<ResidualUBlock> down_, up_;  // finest first
  std::vector<Conv2d> sides_;
  Conv2d out_{nullptr};
};
TORCH_MODULE(SegmenterNetwork);

// As copy_state() says (model/network/copy_state.h).
SegmenterNetwork segmenter_network_of(const TensorMap& state, const std::string& where);
// Weights of a U-2-Net small as ONNX, exported by PyTorch with its batch normalisation folded: it gives the folded
// convolutions numbers in the order in which they run. Exit 2: no such file. Exit 3: it is no such network.
SegmenterNetwork segmenter_network_of_onnx(const std::filesystem::path& file);

// The mean over pictures of a weighted cross entropy and of 1 − the weighted soft IoU, where pixels near the outline
// count up to six times (Wei, Wang and Huang, "F³Net: fusion, feedback and focus for salient object detection", AAAI
// 2020, eq. 7 to 11). logits, truth [N,1,H,W]; truth in [0,1]. 0-dim.
at::Tensor segmenter_loss(const at::Tensor& logits, const at::Tensor& truth);

}  // namespace spinfill
