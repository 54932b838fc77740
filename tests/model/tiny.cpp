// SPDX-License-Identifier: Apache-2.0
#include "model/tiny.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "geometry/camera.h"

namespace spinfill::test {

at::Tensor random_uniform(at::IntArrayRef shape, std::uint64_t seed) {
  return at::empty(shape, at::kFloat).uniform_(0, 1, at::make_generator<at::CPUGeneratorImpl>(seed));
}

at::Tensor random_normal(at::IntArrayRef shape, std::uint64_t seed) {
  return at::empty(shape, at::kFloat).normal_(0, 1, at::make_generator<at::CPUGeneratorImpl>(seed));
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
}

ModelConfig tiny_config() {
  ModelConfig config;
  config.block_out_channels = {16, 32};
  config.attention_levels = {1, 1};
  config.attention_heads = 2;
  config.cross_attention_dim = 16;
  config.norm_num_groups = 4;
  config.identity_dim = 5;
  config.residual_margin = 1;  // these batches' silhouettes are noise
  return config;
}

void randomise(Denoiser& denoiser, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : denoiser.parameters()) {
    const std::int64_t fan_in = std::max<std::int64_t>(1, parameter.numel() / parameter.size(0));
    const double scale = parameter.dim() > 1 ? 1.5 / std::sqrt(static_cast<double>(fan_in)) : 0.3;
    const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
    at::Tensor(parameter).copy_(random_normal(parameter.sizes(), seed++) * scale + (norm ? 1.0 : 0.0));
  }
}

Batch make_batch(const std::vector<std::string>& slots, std::int64_t height, std::int64_t width, std::uint64_t seed) {
  const auto sets = static_cast<std::int64_t>(slots.size());
  const std::int64_t views = Batch::kViews;
  Batch batch;
  batch.is_reference = at::zeros({sets, views}, at::kBool);
  batch.is_target = at::zeros({sets, views}, at::kBool);
  batch.vehicle_from_camera = at::zeros({sets, views, 4, 4}, at::kDouble);
  batch.intrinsics = at::zeros({sets, views, 4}, at::kDouble);
  batch.azimuth_deg = at::zeros({sets, views}, at::kDouble);
  for (std::int64_t b = 0; b < sets; ++b) {
    batch.ids.push_back("set-" + std::to_string(b));
    batch.samples.push_back(100 + b);
    for (std::int64_t v = 0; v < views; ++v) {
      const char letter = slots[static_cast<std::size_t>(b)].at(static_cast<std::size_t>(v));
      batch.is_reference[b][v] = letter == 'r';
      batch.is_target[b][v] = letter == 't';
      const double azimuth = 45.0 * static_cast<double>(v);
      const Camera camera = turntable_camera({}, azimuth, static_cast<int>(width), static_cast<int>(height));
      for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) batch.vehicle_from_camera[b][v][i][j] = camera.vehicle_from_camera(i, j);
      }
      const double lens[] = {camera.fl_x, camera.fl_y, camera.cx, camera.cy};
      for (int i = 0; i < 4; ++i) batch.intrinsics[b][v][i] = lens[i];
      batch.azimuth_deg[b][v] = azimuth;
    }
  }
  auto maps = [&](std::int64_t channels) { return random_uniform({sets, views, channels, height, width}, seed++); };
  batch.colour = maps(3);
  batch.alpha = maps(1);
  batch.background = random_uniform({sets, 3}, seed++);
  batch.cue = random_normal({sets, views, Batch::kCueSize}, seed++);
  batch.category = at::arange(sets, at::kLong) % 7;
  batch.identity = random_normal({sets, 5}, seed++);
  PriorMaps& priors = batch.priors;
  priors.silhouette = maps(1);
  priors.depth = maps(1);
  priors.normal = maps(3);
  priors.canonical = maps(3);
  priors.warped = maps(3);
  priors.warped_confidence = maps(1);
  priors.mirrored = maps(3);
  priors.mirrored_confidence = maps(1);
  priors.flipped = maps(3);
  priors.flipped_validity = (maps(1).mean({-1, -2}, true) > 0.5).to(at::kFloat).expand_as(priors.depth).clone();
  return batch;
}

}  // namespace spinfill::test
