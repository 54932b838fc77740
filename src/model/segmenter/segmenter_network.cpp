// SPDX-License-Identifier: Apache-2.0
#include "model/segmenter/segmenter_network.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <iterator>

namespace spinfill {
namespace {

constexpr std::int64_t kGroups = 8;
constexpr std::int64_t kDeep = 96;
constexpr std::int64_t kAcross[] = {16, 32, 64, 96};  // channels that each level gives to the way up
constexpr std::int64_t kUp[] = {24, 48, 64, 96};      // of the way up
constexpr std::int64_t kNearOutline = 15;             // px, of the window that tells how near the outline is
constexpr double kOutlineWeight = 5;
constexpr const char* kSegmenterNetwork = "the segmenter's network";

at::Tensor scaled_to(const at::Tensor& x, const at::Tensor& like) {
  return at::upsample_bilinear2d(x, {like.size(2), like.size(3)}, /*align_corners=*/false);
}

}  // namespace

NormedConvImpl::NormedConvImpl(std::int64_t in, std::int64_t out, std::int64_t kernel,
                               const at::TensorOptions& tensors) {
  conv_ = register_module("conv", Conv2d(in, out, kernel, 1, tensors));
  norm_ = register_module("norm", GroupNorm(kGroups, out, 1e-5, tensors));
}

at::Tensor NormedConvImpl::forward(const at::Tensor& x) {
  return at::relu(norm_->forward(conv_->forward(x)));
}

SegmenterNetworkImpl::SegmenterNetworkImpl(const at::TensorOptions& tensors) {
  features_ = register_module("features", SqueezeNet(tensors));
  deep_ = register_module("deep", NormedConv(SqueezeNetImpl::kChannels[3], kDeep, 1, tensors));
  mean_ = register_module("mean", Linear(kDeep, kDeep, true, tensors));
  deepest_ = register_module("deepest", NormedConv(kDeep, kDeep, 3, tensors));
  for (std::size_t i = 0; i < std::size(kUp); ++i) {
    const std::int64_t below = i + 1 < std::size(kUp) ? kUp[i + 1] : kDeep;
    across_.push_back(
        register_module(fmt::format("across_{}", i), NormedConv(SqueezeNetImpl::kChannels[i], kAcross[i], 1, tensors)));
    up_.push_back(register_module(fmt::format("up_{}", i), NormedConv(below + kAcross[i], kUp[i], 3, tensors)));
  }
  out_ = register_module("out", Conv2d(kUp[0], 4, 3, 1, tensors));
}

at::Tensor SegmenterNetworkImpl::forward(const at::Tensor& pictures) {
  const std::vector<at::Tensor> levels = features_->forward(pictures);
  at::Tensor x = deep_->forward(squeezenet_pooled(levels.back()));
  x = deepest_->forward(x + mean_->forward(x.mean({2, 3})).unsqueeze(2).unsqueeze(3));
  for (std::size_t i = levels.size(); i-- > 0;)
    x = up_[i]->forward(at::cat({scaled_to(x, levels[i]), across_[i]->forward(levels[i])}, 1));
  return at::pixel_shuffle(out_->forward(x), 2);
}

SegmenterNetwork segmenter_network_on_features(const std::filesystem::path& weights, std::uint64_t seed) {
  SegmenterNetwork network{at::TensorOptions(at::kFloat)};
  begin_on_features(*network, weights, seed, kSegmenterNetwork);
  return network;
}

SegmenterNetwork segmenter_network_of(const TensorMap& state, const std::string& where) {
  SegmenterNetwork network{at::TensorOptions(at::kFloat)};
  set_parameters(*network, state, where, kSegmenterNetwork);
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
