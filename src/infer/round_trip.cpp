// SPDX-License-Identifier: Apache-2.0
#include "infer/round_trip.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/stopwatch.h"
#include "data/pictures/picture.h"
#include "metrics/predictions.h"

namespace spinfill {
namespace {

// [1,3,H,W] in [0,1]
at::Tensor composited(const fs::path& path, const std::array<double, 3>& background) {
  cv::Mat picture = read_picture(path);
  if (!picture.isContinuous()) picture = picture.clone();
  const at::Tensor rgba =
      at::from_blob(picture.data, {picture.rows, picture.cols, 4}, at::kByte).permute({2, 0, 1}).to(at::kFloat) / 255;
  const at::Tensor under = at::tensor({background[0], background[1], background[2]}, at::kFloat).view({3, 1, 1});
  const at::Tensor alpha = rgba.narrow(0, 3, 1);
  return (rgba.narrow(0, 0, 3) * alpha + under * (1 - alpha)).unsqueeze(0);
}

}  // namespace

RoundTrip round_trip(const fs::path& path, const LatentAutoencoder& autoencoder, at::Device device,
                     const RoundTripOptions& options) {
  const at::NoGradGuard no_grad;
  const at::Tensor picture = composited(path, options.background);
  const std::int64_t height = picture.size(2), width = picture.size(3);
  const at::Tensor padded = padded_to_multiple(picture, autoencoder.factor()).to(device);
  RoundTrip result;
  std::int64_t tile = options.tile;
  if (tile < 0) tile = height * width > kWholePixels ? kUsualTile : 0;
  result.tiled = tile > 0;
  const Stopwatch watch;
  const at::Tensor latents = autoencoder.encode(padded * 2 - 1, tile);
  const at::Tensor decoded = ((autoencoder.decode(latents, tile) + 1) / 2).clamp(0, 1).to(at::kCPU);
  result.seconds = watch.seconds();
  result.latent_mean = latents.mean().item<double>();
  result.latent_square = latents.square().mean().item<double>();
  result.rgb = rgb_picture(decoded[0].narrow(1, 0, height).narrow(2, 0, width));
  return result;
}

}  // namespace spinfill
