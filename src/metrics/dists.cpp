// SPDX-License-Identifier: Apache-2.0
#include "metrics/dists.h"

#include <ATen/ATen.h>

#include <array>

#include "core/error.h"
#include "core/files/place_note.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "metrics/net_weights.h"

namespace spinfill {
namespace {

struct Convolution {
  int stage, index;  // as torchvision numbers the layers of vgg16.features
  std::int64_t in, out;
  std::string key() const { return fmt::format("stage{}.{}", stage, index); }
};
constexpr std::array<Convolution, 13> kConvolutions = {{{1, 0, 3, 64},
                                                        {1, 2, 64, 64},
                                                        {2, 5, 64, 128},
                                                        {2, 7, 128, 128},
                                                        {3, 10, 128, 256},
                                                        {3, 12, 256, 256},
                                                        {3, 14, 256, 256},
                                                        {4, 17, 256, 512},
                                                        {4, 19, 512, 512},
                                                        {4, 21, 512, 512},
                                                        {5, 24, 512, 512},
                                                        {5, 26, 512, 512},
                                                        {5, 28, 512, 512}}};
constexpr std::int64_t kChannels = 3 + 64 + 128 + 256 + 512 + 512;
constexpr double kStable = 1e-6;  // c1 and c2

NetShapes shapes_of_dists() {
  NetShapes shapes = {{"alpha", {1, kChannels, 1, 1}}, {"beta", {1, kChannels, 1, 1}}};
  for (const Convolution& c : kConvolutions) {
    shapes[c.key() + ".weight"] = {c.out, c.in, 3, 3};
    shapes[c.key() + ".bias"] = {c.out};
  }
  return shapes;
}

bool is_constant(const std::string& key) {
  return key == "mean" || key == "std" || key.ends_with(".filter");
}

// Root of the mean square under a Hann window of 3×3, every other pixel.
at::Tensor l2_pooled(const at::Tensor& x) {
  const at::Tensor along = at::tensor({0.25F, 0.5F, 0.25F}, x.options());
  const at::Tensor window = (along.view({3, 1}) * along.view({1, 3})).expand({x.size(1), 1, 3, 3});
  return (at::conv2d(x.square(), window, {}, 2, 1, 1, x.size(1)) + 1e-12F).sqrt_();
}

}  // namespace

Dists Dists::load(const std::filesystem::path& weights) {
  const std::string bytes = read_file(weights);
  return from_tensors(parse_safetensors(bytes, weights.string()).tensors, weights.string(), sha256_hex(bytes));
}

Dists Dists::from_tensors(const TensorMap& tensors, const std::string& where, const std::string& sha256) {
  Dists dists;
  dists.sha256_ = sha256;
  dists.weights_ = checked_weights(tensors, shapes_of_dists(), where, "DISTS");
  std::vector<std::string> unexpected;
  for (const auto& [key, tensor] : tensors)
    if (!dists.weights_.contains(key) && !is_constant(key)) unexpected.push_back(key);
  if (!unexpected.empty()) fail("{}: DISTS has no {}", where, first_keys(unexpected));
  return dists;
}

Dists Dists::to(at::Device device) const {
  Dists moved = *this;
  for (auto& [key, tensor] : moved.weights_) tensor = tensor.to(device);
  return moved;
}

std::vector<at::Tensor> Dists::features(const at::Tensor& pictures) const {
  at::Tensor x = pictures.to(weights_.at("alpha").device(), at::kFloat);
  std::vector<at::Tensor> out = {x};
  const auto constant = [&](std::array<float, 3> values) {
    return at::tensor(at::ArrayRef<float>(values.data(), 3), x.options()).view({1, 3, 1, 1});
  };
  x = (x - constant({.485F, .456F, .406F})) / constant({.229F, .224F, .225F});
  for (std::size_t i = 0; i < kConvolutions.size(); ++i) {
    const Convolution& c = kConvolutions[i];
    if (i > 0 && c.stage != kConvolutions[i - 1].stage) x = l2_pooled(x);
    x = at::conv2d(x, weights_.at(c.key() + ".weight"), weights_.at(c.key() + ".bias"), 1, 1).relu_();
    if (i + 1 == kConvolutions.size() || kConvolutions[i + 1].stage != c.stage) out.push_back(x);
  }
  return out;
}

// 1 − Σ (α·l(x,y) + β·s(x,y)) / Σ (α + β) over all channels: l of means, s of variances and covariance.
at::Tensor Dists::compare(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) const {
  const at::Tensor alpha = weights_.at("alpha").to(at::kDouble).flatten(),
                   beta = weights_.at("beta").to(at::kDouble).flatten();
  std::vector<at::Tensor> textures, structures;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const at::Tensor x = a[k].to(at::kDouble).flatten(2), y = b[k].to(at::kDouble).flatten(2);
    const at::Tensor mean_x = x.mean(2), mean_y = y.mean(2);
    const at::Tensor off_x = x - mean_x.unsqueeze(2), off_y = y - mean_y.unsqueeze(2);
    textures.push_back((2 * mean_x * mean_y + kStable) / (mean_x.square() + mean_y.square() + kStable));
    structures.push_back((2 * (off_x * off_y).mean(2) + kStable) /
                         (off_x.square().mean(2) + off_y.square().mean(2) + kStable));
  }
  const at::Tensor similar = (alpha * at::cat(textures, 1) + beta * at::cat(structures, 1)).sum(1);
  return (1 - similar / (alpha.sum() + beta.sum())).cpu();
}

at::Tensor Dists::distance(const at::Tensor& pictures, const at::Tensor& truths) const {
  if (pictures.dim() != 4 || truths.dim() != 4 || pictures.size(1) != 3 || pictures.numel() == 0 ||
      pictures.sizes().slice(1) != truths.sizes().slice(1) ||
      (truths.size(0) != pictures.size(0) && truths.size(0) != 1)) {
    fail("DISTS needs two pictures [N,3,H,W] of one size, got [{}] and [{}]", fmt::join(pictures.sizes(), ","),
         fmt::join(truths.sizes(), ","));
  }
  const bool cuda = weights_.at("alpha").is_cuda();
  const FullPrecision full_precision(cuda);
  const KeepTorchThreads keep;
  if (!cuda) use_one_torch_thread();  // kernels round otherwise for other numbers of threads
  std::vector<at::Tensor> rows, of_truth;
  for (std::int64_t n = 0; n < pictures.size(0); ++n) {
    if (n < truths.size(0)) of_truth = features(truths.narrow(0, n, 1));
    rows.push_back(compare(features(pictures.narrow(0, n, 1)), of_truth));
  }
  return at::cat(rows);
}

void DistsConfig::bind(Fields& f) {
  f.text("weights", weights, "safetensors file with the DISTS_pytorch package's state dict; empty: no DISTS");
}

DistsChoice choose_dists(const DistsConfig& config, at::Device device) {
  if (config.weights.empty())
    return {nullptr, "no weights; name a safetensors file as evaluation.dists.weights (docs/evaluation.md)"};
  if (!fs::exists(config.weights))
    fail("DISTS weights: {}: there is no such file{}", config.weights, place_note(config.weights));
  return {std::make_shared<Dists>(Dists::load(config.weights).to(device)), {}};
}

}  // namespace spinfill
