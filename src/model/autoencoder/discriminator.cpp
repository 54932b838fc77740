// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/discriminator.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "model/network/initial_values.h"

namespace spinfill {
namespace {

constexpr std::int64_t kStrided = 3, kKernel = 4, kWidest = 8;  // layers of stride 2, px, times the first's channels
constexpr double kDeviation = 0.02, kSlope = 0.2, kNormEpsilon = 1e-5;

}  // namespace

PatchDiscriminator::PatchDiscriminator(std::uint64_t seed, at::Device device, std::int64_t channels) {
  std::int64_t place = 0;  // in the published Sequential
  const auto parameter = [&](const std::string& name, at::IntArrayRef shape, double mean, double deviation) {
    const std::string whole = "discriminator." + name;
    at::Tensor values = at::empty(shape, at::kFloat);
    if (deviation > 0) {
      values.normal_(mean, deviation, generator_of_weight(seed, whole));
    } else {
      values.fill_(mean);
    }
    values = values.to(device).set_requires_grad(true);
    parameters_.emplace_back(whole, values);
    return values;
  };
  const auto add = [&](std::int64_t in, std::int64_t out, std::int64_t stride, bool normed) {
    Layer layer;
    layer.stride = stride;
    layer.weight = parameter(fmt::format("main.{}.weight", place), {out, in, kKernel, kKernel}, 0, kDeviation);
    if (normed) {
      layer.norm_weight = parameter(fmt::format("main.{}.weight", place + 1), {out}, 1, kDeviation);
      layer.norm_bias = parameter(fmt::format("main.{}.bias", place + 1), {out}, 0, 0);
    } else {
      layer.bias = parameter(fmt::format("main.{}.bias", place), {out}, 0, 0);
    }
    place += normed ? 3 : 2;
    layers_.push_back(layer);
  };
  const auto width = [&](std::int64_t n) { return channels * std::min(std::int64_t{1} << n, kWidest); };
  add(3, channels, 2, false);
  for (std::int64_t n = 1; n < kStrided; ++n) add(width(n - 1), width(n), 2, true);
  add(width(kStrided - 1), width(kStrided), 1, true);
  add(width(kStrided), 1, 1, false);
}

at::Tensor PatchDiscriminator::forward(const at::Tensor& pictures) const {
  if (std::min(pictures.size(2), pictures.size(3)) < kSmallestSide)
    fail("a discriminator of pictures of {} x {} px: at least {} each way", pictures.size(3), pictures.size(2),
         kSmallestSide);
  at::Tensor x = pictures;
  for (const Layer& layer : layers_) {
    x = at::conv2d(x, layer.weight, layer.bias, layer.stride, /*padding=*/1);
    if (layer.norm_weight.defined())
      x = at::batch_norm(x, layer.norm_weight, layer.norm_bias, {}, {}, /*training=*/true, 0, kNormEpsilon, false);
    if (&layer != &layers_.back()) x = at::leaky_relu(x, kSlope);
  }
  return x;
}

}  // namespace spinfill
