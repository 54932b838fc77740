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
#include "metrics/net_weights.h"

namespace spinfill {
namespace {

// The feature nets of torchvision, as far as LPIPS uses them, in the slices of the `lpips` package: a layer is named by
// its slice and its index in the classification net, and a tap follows the last layer of each slice.
enum class Kind { conv, pool, pool_ceil, fire };
struct Layer {
  int slice;
  Kind kind;
  int index, in, out, kernel, stride, padding, squeeze;
};
constexpr Layer conv(int slice, int index, int in, int out, int kernel, int stride, int padding) {
  return {slice, Kind::conv, index, in, out, kernel, stride, padding, 0};
}
constexpr Layer pool(int slice, Kind kind, int kernel) {
  return {slice, kind, 0, 0, 0, kernel, 2, 0, 0};
}
constexpr Layer fire(int slice, int index, int in, int squeeze, int out) {
  return {slice, Kind::fire, index, in, out, 0, 1, 0, squeeze};
}

struct Net {
  std::string name;
  std::string telling_key;  // a key that no other net has
  int smallest_size;
  std::vector<int> channels;
  std::vector<Layer> layers;
};

const std::vector<Net>& nets() {
  static const std::vector<Net> all = {
      {"squeeze",
       "net.slice2.3.squeeze.weight",
       17,
       {64, 128, 256, 384, 384, 512, 512},
       {conv(1, 0, 3, 64, 3, 2, 0), pool(2, Kind::pool_ceil, 3), fire(2, 3, 64, 16, 128), fire(2, 4, 128, 16, 128),
        pool(3, Kind::pool_ceil, 3), fire(3, 6, 128, 32, 256), fire(3, 7, 256, 32, 256), pool(4, Kind::pool_ceil, 3),
        fire(4, 9, 256, 48, 384), fire(5, 10, 384, 48, 384), fire(6, 11, 384, 64, 512), fire(7, 12, 512, 64, 512)}},
      {"alex",
       "net.slice2.3.weight",
       31,
       {64, 192, 384, 256, 256},
       {conv(1, 0, 3, 64, 11, 4, 2), pool(2, Kind::pool, 3), conv(2, 3, 64, 192, 5, 1, 2), pool(3, Kind::pool, 3),
        conv(3, 6, 192, 384, 3, 1, 1), conv(4, 8, 384, 256, 3, 1, 1), conv(5, 10, 256, 256, 3, 1, 1)}},
      {"vgg",
       "net.slice1.2.weight",
       16,
       {64, 128, 256, 512, 512},
       {conv(1, 0, 3, 64, 3, 1, 1), conv(1, 2, 64, 64, 3, 1, 1), pool(2, Kind::pool, 2), conv(2, 5, 64, 128, 3, 1, 1),
        conv(2, 7, 128, 128, 3, 1, 1), pool(3, Kind::pool, 2), conv(3, 10, 128, 256, 3, 1, 1),
        conv(3, 12, 256, 256, 3, 1, 1), conv(3, 14, 256, 256, 3, 1, 1), pool(4, Kind::pool, 2),
        conv(4, 17, 256, 512, 3, 1, 1), conv(4, 19, 512, 512, 3, 1, 1), conv(4, 21, 512, 512, 3, 1, 1),
        pool(5, Kind::pool, 2), conv(5, 24, 512, 512, 3, 1, 1), conv(5, 26, 512, 512, 3, 1, 1),
        conv(5, 28, 512, 512, 3, 1, 1)}},
  };
  return all;
}

const Net& net_named(const std::string& name) {
  for (const Net& net : nets()) {
    if (net.name == name) return net;
  }
  fail("no LPIPS net is called {}", name);
}

std::string layer_key(const Layer& layer) {
  return fmt::format("net.slice{}.{}", layer.slice, layer.index);
}
std::string head_key(std::size_t layer) {
  return fmt::format("lin{}.model.1.weight", layer);
}

NetShapes expected_shapes(const Net& net) {
  NetShapes shapes;
  const auto add = [&](const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel) {
    shapes[name + ".weight"] = {out, in, kernel, kernel};
    shapes[name + ".bias"] = {out};
  };
  for (const Layer& layer : net.layers) {
    const std::string key = layer_key(layer);
    if (layer.kind == Kind::conv) add(key, layer.in, layer.out, layer.kernel);
    if (layer.kind != Kind::fire) continue;
    add(key + ".squeeze", layer.in, layer.squeeze, 1);
    add(key + ".expand1x1", layer.squeeze, layer.out / 2, 1);
    add(key + ".expand3x3", layer.squeeze, layer.out / 2, 3);
  }
  for (std::size_t l = 0; l < net.channels.size(); ++l) shapes[head_key(l)] = {1, net.channels[l], 1, 1};
  return shapes;
}

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

const Net& recognise(const TensorMap& tensors, const std::string& where) {
  bool has_backbone = false, has_heads = false;
  for (const auto& [key, tensor] : tensors) {
    has_backbone |= key.starts_with("net.");
    has_heads |= key.starts_with("lin");
  }
  if (has_heads && !has_backbone) {
    fail("{}: holds only the LPIPS heads, not the net's features; give the whole state dict of lpips.LPIPS(net=…)",
         where);
  }
  for (const Net& net : nets()) {
    if (tensors.contains(net.telling_key)) return net;
  }
  fail("{}: not the state dict of an LPIPS net (alex, vgg or squeeze): no {}", where, nets()[0].telling_key);
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
  const Net& net = recognise(tensors, where);
  const auto expected = expected_shapes(net);
  Lpips lpips;
  lpips.net_ = net.name;
  lpips.sha256_ = sha256;
  lpips.weights_ = checked_weights(tensors, expected, where, "LPIPS-" + net.name);
  std::vector<std::string> unexpected;
  for (const auto& [key, tensor] : tensors) {
    if (expected.contains(key)) continue;
    if (key == "scaling_layer.shift") {
      check_duplicate(key, tensor, shift(), where);
    } else if (key == "scaling_layer.scale") {
      check_duplicate(key, tensor, scale(), where);
    } else if (key.starts_with("lins.") && expected.contains("lin" + key.substr(5))) {
      check_duplicate(key, tensor, lpips.weights_.at("lin" + key.substr(5)), where);
    } else {
      unexpected.push_back(key);
    }
  }
  if (!unexpected.empty()) fail("{}: LPIPS-{} has no {}", where, net.name, first_keys(unexpected));
  return lpips;
}

int Lpips::layers() const {
  return static_cast<int>(net_named(net_).channels.size());
}
int Lpips::smallest_size() const {
  return net_named(net_).smallest_size;
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
  const Net& net = net_named(net_);
  const auto weight = [&](const std::string& key) { return weights_.at(key); };
  at::Tensor x = pictures.to(weights_.begin()->second.device(), at::kFloat) * 2 - 1;
  x = (x - shift().to(x.device())) / scale().to(x.device());
  std::vector<at::Tensor> taps;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const Layer& layer = net.layers[i];
    const std::string key = layer_key(layer);
    const auto convolve = [&](const at::Tensor& input, const std::string& name, int stride, int padding) {
      return at::conv2d(input, weight(name + ".weight"), weight(name + ".bias"), stride, padding).relu_();
    };
    switch (layer.kind) {
      case Kind::conv: x = convolve(x, key, layer.stride, layer.padding); break;
      case Kind::pool: x = at::max_pool2d(x, layer.kernel, layer.stride); break;
      case Kind::pool_ceil: x = at::max_pool2d(x, layer.kernel, layer.stride, 0, 1, true); break;
      case Kind::fire:
        x = convolve(x, key + ".squeeze", 1, 0);
        x = at::cat({convolve(x, key + ".expand1x1", 1, 0), convolve(x, key + ".expand3x3", 1, 1)}, 1);
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
    fail("LPIPS needs two pictures [N,3,H,W] of one size, got [{}] and [{}]", fmt::join(pictures.sizes(), ","),
         fmt::join(truths.sizes(), ","));
  }
  if (pictures.size(2) < smallest_size() || pictures.size(3) < smallest_size()) {
    fail("LPIPS-{} needs pictures of at least {}×{} px, got {}×{}", net_, smallest_size(), smallest_size(),
         pictures.size(3), pictures.size(2));
  }
}

std::vector<at::Tensor> Lpips::differences(const std::vector<at::Tensor>& of_pictures,
                                           const std::vector<at::Tensor>& of_truths) const {
  std::vector<at::Tensor> differences;
  for (std::size_t l = 0; l < of_pictures.size(); ++l) {
    differences.push_back((of_pictures[l] - of_truths[l]).square().mul(weights_.at(head_key(l))).sum(1));
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
  if (!fs::exists(path)) fail("LPIPS weights: {}: there is no such file{}", path, place_note(path));
  return {std::make_shared<Lpips>(Lpips::load(path).to(device)), {}};
}

}  // namespace spinfill
