// SPDX-License-Identifier: Apache-2.0
#include "metrics/lpips.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/place_note.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "core/tensors/onnx_weights.h"
#include "metrics/lpips_nets.h"
#include "metrics/net_weights.h"

namespace spinfill {
namespace {

at::Tensor shift() {
  return at::tensor({-.030f, -.088f, -.188f}).view({1, 3, 1, 1});
}
at::Tensor scale() {
  return at::tensor({.458f, .448f, .450f}).view({1, 3, 1, 1});
}

// What a full state dict holds in addition: the scaling's constants and the heads a second time.
void check_duplicate(const std::string& key, const at::Tensor& tensor, const at::Tensor& original,
                     const std::string& where) {
  if (tensor.sizes() != original.sizes() || !at::equal(tensor.to(at::kFloat), original.to(at::kFloat))) {
    fail("{}: {} is not what LPIPS v0.1 has there; give the state dict of lpips.LPIPS(version='0.1')", where, key);
  }
}

const LpipsNet& recognise(const TensorMap& tensors, const std::string& where) {
  bool has_backbone = false, has_heads = false;
  for (const auto& [key, tensor] : tensors) {
    has_backbone |= key.starts_with("net.");
    has_heads |= key.starts_with("lin");
  }
  if (has_heads && !has_backbone) {
    fail("{}: holds only the LPIPS heads, not the net's features; give the whole state dict of lpips.LPIPS(net=…)",
         where);
  }
  for (const LpipsNet& net : lpips_nets()) {
    if (tensors.contains(net.telling_key)) return net;
  }
  fail("{}: not the state dict of an LPIPS net (alex, vgg or squeeze) or of an ST-LPIPS net (alex or vgg): no {}",
       where, lpips_nets()[0].telling_key);
}

// The weights of an exported lpips.LPIPS bear the names of its state dict, below that of the module that held it, and
// the heads under one of their two names; constants of other modules are left out.
TensorMap state_dict_of(const TensorMap& exported) {
  TensorMap out;
  for (const auto& [name, tensor] : exported) {
    for (const char* part :
         {"net.slice", "lins.", "lin0.", "lin1.", "lin2.", "lin3.", "lin4.", "lin5.", "lin6.", "scaling_layer."}) {
      const std::size_t at = name.find(part);
      if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) continue;
      std::string key = name.substr(at);
      if (key.starts_with("lins.")) key.replace(0, 5, "lin");
      out.emplace(std::move(key), tensor);
      break;
    }
  }
  return out;
}

}  // namespace

Lpips Lpips::load(const std::filesystem::path& weights) {
  const std::string bytes = read_file(weights), where = weights.string();
  return from_tensors(
      is_onnx_name(where) ? state_dict_of(onnx_weights(bytes, where)) : parse_safetensors(bytes, where).tensors, where,
      sha256_hex(bytes));
}

Lpips Lpips::from_tensors(const TensorMap& tensors, const std::string& where, const std::string& sha256) {
  const LpipsNet& net = recognise(tensors, where);
  const auto expected = lpips_shapes(net);
  Lpips lpips;
  lpips.net_ = net.name;
  lpips.sha256_ = sha256;
  lpips.weights_ = checked_weights(tensors, expected, where, lpips.title());
  std::vector<std::string> unexpected;
  for (const auto& [key, tensor] : tensors) {
    if (expected.contains(key)) continue;
    if (key == "scaling_layer.shift") {
      check_duplicate(key, tensor, shift(), where);
    } else if (key == "scaling_layer.scale") {
      check_duplicate(key, tensor, scale(), where);
    } else if (key.starts_with("lins.") && expected.contains("lin" + key.substr(5))) {
      check_duplicate(key, tensor, lpips.weights_.at("lin" + key.substr(5)), where);
    } else if (net.shift_tolerant() && key.ends_with(".filt")) {
      check_duplicate(key, tensor, blur_filter(tensor.size(0)), where);
    } else {
      unexpected.push_back(key);
    }
  }
  if (!unexpected.empty()) fail("{}: {} has no {}", where, lpips.title(), first_keys(unexpected));
  return lpips;
}

bool Lpips::shift_tolerant() const {
  return lpips_net(net_).shift_tolerant();
}
std::string Lpips::title() const {
  return shift_tolerant() ? "ST-LPIPS-" + net_.substr(3) : "LPIPS-" + net_;
}
int Lpips::layers() const {
  return static_cast<int>(lpips_net(net_).channels.size());
}
int Lpips::smallest_size() const {
  return lpips_net(net_).smallest_size;
}

Lpips Lpips::to(at::Device device) const {
  Lpips moved = *this;
  for (auto& [key, tensor] : moved.weights_) tensor = tensor.to(device);
  moved.truths_.reset();  // those are where the weights were
  return moved;
}

Lpips Lpips::keeping_truths(std::uint64_t bytes) const {
  Lpips keeping = *this;
  keeping.truths_ = std::make_shared<FeatureCache>(bytes);
  return keeping;
}

std::vector<at::Tensor> Lpips::features_of_truth(const at::Tensor& truth) const {
  if (!truths_) return features(truth);
  return *truths_->of(truth, [&] { return features(truth); });
}

std::vector<at::Tensor> Lpips::features(const at::Tensor& pictures) const {
  const LpipsNet& net = lpips_net(net_);
  const auto weight = [&](const std::string& key) { return weights_.at(key); };
  at::Tensor x = pictures.to(weights_.begin()->second.device(), at::kFloat) * 2 - 1;
  x = (x - shift().to(x.device())) / scale().to(x.device());
  std::vector<at::Tensor> taps;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const LpipsLayer& layer = net.layers[i];
    const std::string key = layer.key();
    const auto convolve = [&](const at::Tensor& input, const std::string& name, int stride, int padding) {
      return at::conv2d(input, weight(name + ".weight"), weight(name + ".bias"), stride, padding);
    };
    using Kind = LpipsLayer::Kind;
    switch (layer.kind) {
      case Kind::conv: x = convolve(x, key, layer.stride, layer.padding).relu_(); break;
      case Kind::conv_blur: x = blurred_pool(convolve(x, key, layer.stride, layer.padding)).relu_(); break;
      case Kind::pool: x = at::max_pool2d(x, layer.kernel, layer.stride); break;
      case Kind::pool_ceil: x = at::max_pool2d(x, layer.kernel, layer.stride, 0, 1, true); break;
      case Kind::pool_blur: x = blurred_pool(at::max_pool2d(x, layer.kernel, 1)); break;
      case Kind::fire:
        x = convolve(x, key + ".squeeze", 1, 0).relu_();
        x = at::cat({convolve(x, key + ".expand1x1", 1, 0), convolve(x, key + ".expand3x3", 1, 1)}, 1).relu_();
        break;
    }
    const bool last_of_slice = i + 1 == net.layers.size() || net.layers[i + 1].slice != layer.slice;
    if (last_of_slice) {
      // The root's slope at 0 is infinite; there x is 0 as well.
      taps.push_back(x / (x.square().sum(1, true).clamp_min(1e-20).sqrt() + 1e-10));
    }
  }
  return taps;
}

void Lpips::check(const at::Tensor& pictures, const at::Tensor& truths) const {
  if (pictures.dim() != 4 || truths.dim() != 4 || pictures.size(1) != 3 || pictures.numel() == 0 ||
      pictures.sizes().slice(1) != truths.sizes().slice(1) ||
      (truths.size(0) != pictures.size(0) && truths.size(0) != 1)) {
    fail("{} needs two pictures [N,3,H,W] of one size, got [{}] and [{}]", title(), fmt::join(pictures.sizes(), ","),
         fmt::join(truths.sizes(), ","));
  }
  if (pictures.size(2) < smallest_size() || pictures.size(3) < smallest_size()) {
    fail("{} needs pictures of at least {}×{} px, got {}×{}", title(), smallest_size(), smallest_size(),
         pictures.size(3), pictures.size(2));
  }
}

std::vector<at::Tensor> Lpips::differences(const std::vector<at::Tensor>& of_pictures,
                                           const std::vector<at::Tensor>& of_truths) const {
  std::vector<at::Tensor> differences;
  for (std::size_t l = 0; l < of_pictures.size(); ++l) {
    differences.push_back((of_pictures[l] - of_truths[l]).square().mul(weights_.at(lpips_head_key(l))).sum(1));
  }
  return differences;
}

at::Tensor Lpips::per_layer(const at::Tensor& pictures, const at::Tensor& truths) const {
  check(pictures, truths);
  const bool cuda = weights_.begin()->second.is_cuda();
  const FullPrecision full_precision(cuda);
  const auto means = [&](const std::vector<at::Tensor>& of_pictures, const std::vector<at::Tensor>& of_truths) {
    std::vector<at::Tensor> contributions;
    for (const at::Tensor& layer : differences(of_pictures, of_truths))
      contributions.push_back(layer.to(at::kDouble).mean({1, 2}));
    return at::stack(contributions, 1).cpu();
  };
  const bool one_truth = truths.size(0) == 1;
  if (cuda) return means(features(pictures), one_truth ? features_of_truth(truths) : features(truths));
  // Kernels round otherwise for other batch sizes and numbers of threads.
  const KeepTorchThreads keep;
  use_one_torch_thread();
  std::vector<at::Tensor> rows, of_truth;
  for (std::int64_t n = 0; n < pictures.size(0); ++n) {
    if (n < truths.size(0)) of_truth = one_truth ? features_of_truth(truths) : features(truths.narrow(0, n, 1));
    rows.push_back(means(features(pictures.narrow(0, n, 1)), of_truth));
  }
  return at::cat(rows);
}

at::Tensor Lpips::differentiable_distance(const at::Tensor& pictures, const at::Tensor& truths) const {
  check(pictures, truths);
  std::vector<at::Tensor> contributions;
  for (const at::Tensor& layer : differences(features(pictures), features(truths)))
    contributions.push_back(layer.mean({1, 2}));
  return at::stack(contributions, 1).sum(1);
}

at::Tensor Lpips::distance(const at::Tensor& pictures, const at::Tensor& truths) const {
  return per_layer(pictures, truths).sum(1);
}

void LpipsConfig::bind(Fields& f) {
  f.text("weights", weights,
         "safetensors file with the lpips package's state dict (alex, vgg or squeeze), or an ONNX file with the same "
         "weights; empty: SPINFILL_LPIPS_WEIGHTS");
}

void StLpipsConfig::bind(Fields& f) {
  f.text("weights", weights,
         "safetensors file with the stlpips_pytorch package's state dict (alex or vgg); empty: none");
}

namespace {

std::shared_ptr<const Lpips> loaded(const std::string& path, bool shift_tolerant, at::Device device) {
  const std::string title = shift_tolerant ? "ST-LPIPS" : "LPIPS";
  if (!fs::exists(path)) fail("{} weights: {}: there is no such file{}", title, path, place_note(path));
  const Lpips lpips = Lpips::load(path);
  if (lpips.shift_tolerant() != shift_tolerant)
    fail("{}: weights of {}, not of {}: name them as evaluation.{}.weights", path, lpips.title(), title,
         shift_tolerant ? "lpips" : "st_lpips");
  return std::make_shared<Lpips>(lpips.to(device));
}

}  // namespace

LpipsChoice choose_lpips(const LpipsConfig& config, at::Device device) {
  std::string path = config.weights;
  if (path.empty()) {
    if (const char* given = std::getenv("SPINFILL_LPIPS_WEIGHTS"); given != nullptr) path = given;
  }
  if (path.empty()) {
    return {nullptr,
            "no weights; name a safetensors file with the lpips package's state dict in the config or in "
            "SPINFILL_LPIPS_WEIGHTS (docs/evaluation.md says how to make one)"};
  }
  return {loaded(path, false, device), {}};
}

std::shared_ptr<const Lpips> choose_st_lpips(const StLpipsConfig& config, at::Device device) {
  return config.weights.empty() ? nullptr : loaded(config.weights, true, device);
}

}  // namespace spinfill
