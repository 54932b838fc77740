// SPDX-License-Identifier: Apache-2.0
#include "metrics/lpips_nets.h"

#include <ATen/ATen.h>

#include <array>

#include "core/error.h"

namespace spinfill {
namespace {

using Kind = LpipsLayer::Kind;

LpipsLayer conv(int slice, int index, int in, int out, int kernel, int stride, int padding, Kind kind = Kind::conv) {
  return {slice, kind, index, in, out, kernel, stride, padding, 0};
}
LpipsLayer pool(int slice, Kind kind, int kernel) {
  return {slice, kind, 0, 0, 0, kernel, 2, 0, 0};
}
LpipsLayer fire(int slice, int index, int in, int squeeze, int out) {
  return {slice, Kind::fire, index, in, out, 0, 1, 0, squeeze};
}

// VGG16 with its `per_pool` layers in the place of each pooling.
std::vector<LpipsLayer> vgg(Kind pooling, int per_pool) {
  constexpr int kConvolutions[] = {2, 2, 3, 3, 3}, kChannels[] = {64, 128, 256, 512, 512};
  std::vector<LpipsLayer> layers;
  int index = 0, in = 3;
  for (int slice = 1; slice <= 5; ++slice) {
    if (slice > 1) {
      layers.push_back(pool(slice, pooling, 2));
      index += per_pool;
    }
    for (int i = 0; i < kConvolutions[slice - 1]; ++i, index += 2) {
      layers.push_back(conv(slice, index, in, kChannels[slice - 1], 3, 1, 1));
      in = kChannels[slice - 1];
    }
  }
  return layers;
}

}  // namespace

std::string LpipsLayer::key() const {
  return fmt::format("net.slice{}.{}", slice, index);
}

const std::vector<LpipsNet>& lpips_nets() {
  static const std::vector<LpipsNet> all = {
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
      {"vgg", "net.slice3.10.weight", 16, {64, 128, 256, 512, 512}, vgg(Kind::pool, 1)},
      {"st-alex",
       "net.slice3.9.weight",
       21,
       {64, 192, 384, 256, 256},
       {conv(1, 0, 3, 64, 11, 1, 2, Kind::conv_blur), pool(2, Kind::pool_blur, 3), conv(2, 5, 64, 192, 5, 1, 2),
        pool(3, Kind::pool_blur, 3), conv(3, 9, 192, 384, 3, 1, 1), conv(4, 11, 384, 256, 3, 1, 1),
        conv(5, 13, 256, 256, 3, 1, 1)}},
      {"st-vgg", "net.slice2.6.weight", 18, {64, 128, 256, 512, 512}, vgg(Kind::pool_blur, 2)},
  };
  return all;
}

const LpipsNet& lpips_net(const std::string& name) {
  for (const LpipsNet& net : lpips_nets()) {
    if (net.name == name) return net;
  }
  fail("no LPIPS net is called {}", name);
}

std::string lpips_head_key(std::size_t tap) {
  return fmt::format("lin{}.model.1.weight", tap);
}

NetShapes lpips_shapes(const LpipsNet& net) {
  NetShapes shapes;
  const auto add = [&](const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel) {
    shapes[name + ".weight"] = {out, in, kernel, kernel};
    shapes[name + ".bias"] = {out};
  };
  for (const LpipsLayer& layer : net.layers) {
    const std::string key = layer.key();
    if (layer.kind == Kind::conv || layer.kind == Kind::conv_blur) add(key, layer.in, layer.out, layer.kernel);
    if (layer.kind != Kind::fire) continue;
    add(key + ".squeeze", layer.in, layer.squeeze, 1);
    add(key + ".expand1x1", layer.squeeze, layer.out / 2, 1);
    add(key + ".expand3x3", layer.squeeze, layer.out / 2, 3);
  }
  for (std::size_t l = 0; l < net.channels.size(); ++l) shapes[lpips_head_key(l)] = {1, net.channels[l], 1, 1};
  return shapes;
}

at::Tensor blur_filter(std::int64_t channels) {
  const at::Tensor along = at::tensor({0.25F, 0.5F, 0.25F});
  return (along.view({3, 1}) * along.view({1, 3})).expand({channels, 1, 3, 3});
}

at::Tensor blurred_pool(const at::Tensor& x) {
  static constexpr std::array<std::int64_t, 2> kNoPadding = {0, 0};  // a plain 0 could be a name as well
  const at::Tensor padded = at::reflection_pad2d(x, {2, 2, 2, 2});
  return at::conv2d(padded, blur_filter(x.size(1)).to(x.options()), {}, 2, at::IntArrayRef(kNoPadding), 1, x.size(1));
}

}  // namespace spinfill
