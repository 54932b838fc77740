// SPDX-License-Identifier: Apache-2.0
#include "model/segmenter/segmenter_network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cstring>
#include <iterator>

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "core/error.h"
#include "core/files/files.h"

namespace spinfill {
namespace {

constexpr std::int64_t kNarrow = 16, kWide = 64;  // channels within a block, and between blocks
struct BlockSize {
  std::size_t height;
  bool holes;
};
constexpr BlockSize kDown[] = {{7, false}, {6, false}, {5, false}, {4, false}, {4, true}, {4, true}};
constexpr BlockSize kUp[] = {{7, false}, {6, false}, {5, false}, {4, false}, {4, true}};
constexpr std::int64_t kNearOutline = 15;  // px, of the window that tells how near the outline is
constexpr double kOutlineWeight = 5;
constexpr const char* kSegmenterNetwork = "the segmenter's network";
constexpr std::uint64_t kMaxOnnxBytes = std::uint64_t{1} << 28;

at::Tensor scaled_to(const at::Tensor& x, const at::Tensor& like) {
  return at::upsample_bilinear2d(x, {like.size(2), like.size(3)}, /*align_corners=*/false);
}

at::Tensor halved(const at::Tensor& x) {
  return at::max_pool2d(x, {2, 2}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
}

}  // namespace

ReluConvImpl::ReluConvImpl(std::int64_t in, std::int64_t out, std::int64_t dilation, const at::TensorOptions& tensors)
    : dilation_(dilation) {
  weight_ = register_parameter("weight", at::empty({out, in, 3, 3}, tensors));
  bias_ = register_parameter("bias", at::empty({out}, tensors));
}

at::Tensor ReluConvImpl::forward(const at::Tensor& x) const {
  at::Tensor out = at::conv2d(x, weight_, bias_, {1, 1}, {dilation_, dilation_}, {dilation_, dilation_});
  return at::relu_(out);
}

ResidualUBlockImpl::ResidualUBlockImpl(std::size_t height, bool holes, std::int64_t in,
                                       const at::TensorOptions& tensors)
    : holes_(holes) {
  in_ = register_module("in", ReluConv(in, kWide, 1, tensors));
  for (std::size_t i = 0; i < height; ++i) {
    const std::int64_t dilation = holes ? std::int64_t{1} << i : i + 1 == height ? 2 : 1;
    down_.push_back(
        register_module(fmt::format("down_{}", i), ReluConv(i == 0 ? kWide : kNarrow, kNarrow, dilation, tensors)));
  }
  for (std::size_t i = height - 1; i-- > 0;)
    up_.insert(up_.begin(),
               register_module(fmt::format("up_{}", i), ReluConv(2 * kNarrow, i == 0 ? kWide : kNarrow,
                                                                 holes ? std::int64_t{1} << i : 1, tensors)));
}

at::Tensor ResidualUBlockImpl::forward(const at::Tensor& x) const {
  const at::Tensor begun = in_->forward(x);
  std::vector<at::Tensor> levels;
  for (std::size_t i = 0; i < down_.size(); ++i) {
    // The last level is as large as the one above it.
    const bool smaller = !holes_ && i > 0 && i + 1 < down_.size();
    const at::Tensor& above = i == 0 ? begun : levels.back();
    levels.push_back(down_[i]->forward(smaller ? halved(above) : above));
  }
  at::Tensor out = levels.back();
  for (std::size_t i = up_.size(); i-- > 0;) {
    if (out.sizes() != levels[i].sizes()) out = scaled_to(out, levels[i]);
    out = up_[i]->forward(at::cat({out, levels[i]}, 1));
  }
  return out + begun;
}

SegmenterNetworkImpl::SegmenterNetworkImpl(const at::TensorOptions& tensors) {
  // In the order in which they run, which is that of an ONNX file.
  for (std::size_t i = 0; i < std::size(kDown); ++i)
    down_.push_back(register_module(fmt::format("down_{}", i),
                                    ResidualUBlock(kDown[i].height, kDown[i].holes, i == 0 ? 3 : kWide, tensors)));
  for (std::size_t i = std::size(kUp); i-- > 0;)
    up_.insert(up_.begin(), register_module(fmt::format("up_{}", i),
                                            ResidualUBlock(kUp[i].height, kUp[i].holes, 2 * kWide, tensors)));
  for (std::size_t i = 0; i < std::size(kDown); ++i)
    sides_.push_back(register_module(fmt::format("side_{}", i), Conv2d(kWide, 1, 3, 1, tensors)));
  out_ = register_module("out", Conv2d(std::ssize(kDown), 1, 1, 1, tensors));
}

at::Tensor SegmenterNetworkImpl::forward(const at::Tensor& pictures) const {
  // ImageNet's mean and standard deviation, as the published weights expect.
  const at::Tensor mean = at::tensor({.485F, .456F, .406F}).view({1, 3, 1, 1});
  const at::Tensor deviation = at::tensor({.229F, .224F, .225F}).view({1, 3, 1, 1});
  at::Tensor x = ((pictures - mean) / deviation).contiguous(at::MemoryFormat::ChannelsLast);
  std::vector<at::Tensor> levels;
  for (std::size_t i = 0; i < down_.size(); ++i) {
    levels.push_back(down_[i]->forward(i == 0 ? x : halved(levels.back())));
  }
  for (std::size_t i = up_.size(); i-- > 0;)
    levels[i] = up_[i]->forward(at::cat({scaled_to(levels[i + 1], levels[i]), levels[i]}, 1));
  std::vector<at::Tensor> sides;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const at::Tensor side = sides_[i]->forward(levels[i]);
    sides.push_back(i == 0 ? side : scaled_to(side, sides.front()));
  }
  return out_->forward(at::cat(sides, 1));
}

SegmenterNetwork segmenter_network_of(const TensorMap& state, const std::string& where) {
  SegmenterNetwork network{at::TensorOptions(at::kFloat)};
  set_parameters(*network, state, where, kSegmenterNetwork);
  return network;
}

SegmenterNetwork segmenter_network_of_onnx(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) fail_usage("{}: there is no such segmentation model", file.string());
  const std::string bytes = read_file(file, kMaxOnnxBytes);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  std::vector<cv::Mat> given;
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(bytes.data(), bytes.size());
    for (const std::string& name : net.getLayerNames()) {
      const cv::Ptr<cv::dnn::Layer> layer = net.getLayer(net.getLayerId(name));
      if (layer->type != "Convolution") continue;
      for (const cv::Mat& blob : layer->blobs) given.push_back(blob);
    }
  } catch (const cv::Exception&) {
    fail("{}: cannot be read as ONNX", file.string());
  }
  SegmenterNetwork network{at::TensorOptions(at::kFloat)};
  const at::NoGradGuard no_grad;
  std::size_t next = 0;
  for (const auto& item : network->named_parameters()) {
    const at::Tensor to = item.value();
    if (next >= given.size() || given[next].type() != CV_32F || !given[next].isContinuous() ||
        static_cast<std::int64_t>(given[next].total()) != to.numel() ||
        (to.dim() > 1 && given[next].size[0] != to.size(0)))
      fail("{}: is no U-2-Net small: its {}. array of convolutions does not fit {}", file.string(), next + 1,
           item.key());
    std::memcpy(to.mutable_data_ptr<float>(), given[next].ptr<float>(), given[next].total() * sizeof(float));
    ++next;
  }
  if (next != given.size()) fail("{}: is no U-2-Net small: it has more convolutions", file.string());
  return network;
}

at::Tensor segmenter_loss(const at::Tensor& logits, const at::Tensor& truth) {
  const at::Tensor around =
      at::avg_pool2d(truth, {kNearOutline, kNearOutline}, {1, 1}, {kNearOutline / 2, kNearOutline / 2});
  const at::Tensor weight = 1 + kOutlineWeight * (around - truth).abs();
  // log(1 + e^x) − t·x
  const at::Tensor entropy = at::softplus(logits) - truth * logits;
  const at::Tensor entropies = (weight * entropy).sum({1, 2, 3}) / weight.sum({1, 2, 3});
  const at::Tensor seen = at::sigmoid(logits);
  const at::Tensor both = (seen * truth * weight).sum({1, 2, 3});
  const at::Tensor either = ((seen + truth) * weight).sum({1, 2, 3}) - both;
  return (entropies + 1 - (both + 1) / (either + 1)).mean();
}

}  // namespace spinfill
