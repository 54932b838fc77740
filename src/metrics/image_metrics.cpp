// SPDX-License-Identifier: Apache-2.0
#include "metrics/image_metrics.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>

#include "core/error.h"

namespace spinfill {
namespace {

std::string shape_text(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ","));
}

void check_pair(const at::Tensor& pictures, const at::Tensor& truths) {
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.sizes() != truths.sizes() || pictures.numel() == 0) {
    fail("pictures to score must both be [N,3,H,W] and of one size, got {} and {}", shape_text(pictures),
         shape_text(truths));
  }
}

void check_weights(const at::Tensor& pictures, const at::Tensor& weights) {
  if (weights.dim() != 4 || weights.size(0) != pictures.size(0) || weights.size(1) != 1 ||
      weights.size(2) != pictures.size(2) || weights.size(3) != pictures.size(3)) {
    fail("foreground weights must be [N,1,H,W] like the pictures {}, got {}", shape_text(pictures),
         shape_text(weights));
  }
}

at::Tensor exact(const at::Tensor& tensor) {
  return tensor.detach().to(at::kDouble);
}

at::Tensor psnr_of_mse(const at::Tensor& mse) {
  return (-10 * mse.log10()).clamp_max(kPsnrCap).cpu();  // log10(0) = −∞; NaN passes the clamp
}

std::array<double, kSsimWindow> gaussian_window() {
  constexpr double sigma = 1.5;
  std::array<double, kSsimWindow> window{};
  double sum = 0;
  for (int i = 0; i < kSsimWindow; ++i) {
    const double x = i - kSsimWindow / 2;
    sum += window[i] = std::exp(-x * x / (2 * sigma * sigma));
  }
  for (double& value : window) value /= sum;
  return window;
}

// The separable window along one dimension, where it fits. A sum of shifted copies: the same order of additions for
// every picture, whatever else is in the batch.
at::Tensor filtered(const at::Tensor& x, int dim) {
  static const auto window = gaussian_window();
  const std::int64_t size = x.size(dim) - (kSsimWindow - 1);
  at::Tensor sum = x.narrow(dim, 0, size) * window[0];
  for (int i = 1; i < kSsimWindow; ++i) sum.add_(x.narrow(dim, i, size), window[i]);
  return sum;
}
at::Tensor local_mean(const at::Tensor& x) {
  return filtered(filtered(x, 3), 2);
}

}  // namespace

at::Tensor rounded_to_8_bits(const at::Tensor& pictures) {
  return pictures.clamp(0, 1).mul(255).round_().div_(255);
}

at::Tensor psnr(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  at::NoGradGuard no_grad;
  return psnr_of_mse((exact(pictures) - exact(truths)).square_().mean({1, 2, 3}));
}

at::Tensor foreground_psnr(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights) {
  check_pair(pictures, truths);
  check_weights(pictures, weights);
  at::NoGradGuard no_grad;
  const at::Tensor w = exact(weights);
  const at::Tensor weighted = (exact(pictures) - exact(truths)).square_().mul_(w).sum({1, 2, 3});
  return psnr_of_mse(weighted / (3 * w.sum({1, 2, 3})));  // 0/0 is NaN: no foreground
}

at::Tensor ssim_map(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  if (pictures.size(2) < kSsimWindow || pictures.size(3) < kSsimWindow) {
    fail("SSIM needs pictures of at least {}×{} px, got {}×{}", kSsimWindow, kSsimWindow, pictures.size(3),
         pictures.size(2));
  }
  at::NoGradGuard no_grad;
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const at::Tensor x = exact(pictures), y = exact(truths);
  const at::Tensor mean_x = local_mean(x), mean_y = local_mean(y);
  const at::Tensor variance_x = local_mean(x * x) - mean_x * mean_x;
  const at::Tensor variance_y = local_mean(y * y) - mean_y * mean_y;
  const at::Tensor covariance = local_mean(x * y) - mean_x * mean_y;
  return (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
         ((mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2));
}

at::Tensor ssim(const at::Tensor& pictures, const at::Tensor& truths) {
  return ssim_map(pictures, truths).mean({1, 2, 3}).cpu();
}

at::Tensor foreground_ssim(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights) {
  check_pair(pictures, truths);
  check_weights(pictures, weights);
  at::NoGradGuard no_grad;
  const at::Tensor map = ssim_map(pictures, truths).mean(1, true);
  const int border = kSsimWindow / 2;
  const at::Tensor w = exact(weights).narrow(2, border, map.size(2)).narrow(3, border, map.size(3));
  return ((map * w).sum({1, 2, 3}) / w.sum({1, 2, 3})).cpu();
}

}  // namespace spinfill
