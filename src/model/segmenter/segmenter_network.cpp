// SPDX-License-Identifier: Apache-2.0
#include "model/segmenter/segmenter_network.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <map>
#include <regex>

#include "core/error.h"
#include "core/files/files.h"
#include "core/tensors/onnx_weights.h"

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

bool is_of_block(const std::string& parameter) {
  return parameter.starts_with("down_") || parameter.starts_with("up_");
}

// Of a layer beyond the blocks: "side_0.weight" of "side1.weight", "out.weight" of "outconv.weight".
std::string own_name(const std::string& published) {
  std::string name = std::regex_replace(published, std::regex("^outconv\\."), "out.");
  std::smatch side;
  if (std::regex_match(published, side, std::regex("side([1-6])(\\..+)")))
    name = fmt::format("side_{}{}", std::stoi(side[1]) - 1, side[2].str());
  return name;
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
  copy_state(network->state(), state, where, kSegmenterNetwork,
             "give a U-2-Net small, or a folder that data train-segmenter wrote");
  return network;
}

SegmenterNetwork segmenter_network_of_onnx(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) fail_usage("{}: there is no such segmentation model", file.string());
  TensorMap state;
  std::map<std::uint64_t, at::Tensor> folded;
  for (const auto& [name, tensor] : onnx_weights(read_file(file, kMaxOnnxBytes), file.string())) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size())
      folded[number] = tensor;
    else
      state[own_name(name)] = tensor;
  }
  auto next = folded.begin();
  for (const auto& item : SegmenterNetwork(at::TensorOptions(at::kFloat))->named_parameters())
    if (is_of_block(item.key()) && next != folded.end()) state[item.key()] = (next++)->second;
  for (; next != folded.end(); ++next) state[std::to_string(next->first)] = next->second;
  return segmenter_network_of(state, file.string());
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
