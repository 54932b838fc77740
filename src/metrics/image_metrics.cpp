// SPDX-License-Identifier: Apache-2.0
#include "metrics/image_metrics.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "metrics/per_picture.h"
#include "metrics/ssim.h"

namespace spinfill {
namespace {

// [N,C,H,W] → [N,C,H−n+1,W−n+1].
at::Tensor ssim_maps(const at::Tensor& a, const at::Tensor& b, const SsimWindow& window) {
  const auto n = static_cast<std::int64_t>(window.weights.size());
  const std::int64_t height = a.size(2), width = a.size(3);
  if (height < n || width < n) fail("SSIM needs pictures of at least {}×{} px, got {}×{}", n, n, width, height);
  at::Tensor map = at::empty({a.size(0), a.size(1), height - n + 1, width - n + 1}, at::kDouble);
  const std::int64_t plane = height * width, fitting = (height - n + 1) * (width - n + 1);
  for (std::int64_t i = 0; i < a.size(0) * a.size(1); ++i) {
    ssim_of_plane(a.const_data_ptr<double>() + i * plane, b.const_data_ptr<double>() + i * plane, height, width, window,
                  map.mutable_data_ptr<double>() + i * fitting);
  }
  return map;
}

at::Tensor mean_of_each(const at::Tensor& map) {
  const std::int64_t values = values_of_each(map);
  return of_each(map.size(0), [&](std::int64_t n) {
    const double* m = picture_of(map, n);
    return sum_of(0, values, [&](std::int64_t i) { return m[i]; }) / static_cast<double>(values);
  });
}

}  // namespace

at::Tensor rounded_to_8_bits(const at::Tensor& pictures) {
  return pictures.clamp(0, 1).mul(255).round_().div_(255);
}

at::Tensor l2(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  const at::Tensor a = exact(pictures), b = exact(truths);
  const std::int64_t values = values_of_each(a);
  return of_each(a.size(0), [&](std::int64_t n) {
    const double *x = picture_of(a, n), *y = picture_of(b, n);
    return sum_of(0, values, [&](std::int64_t i) { return (x[i] - y[i]) * (x[i] - y[i]); }) /
           static_cast<double>(values);
  });
}

at::Tensor psnr(const at::Tensor& pictures, const at::Tensor& truths) {
  const at::Tensor mse = l2(pictures, truths);
  return of_each(mse.size(0), [&](std::int64_t n) { return psnr_of_mse(mse.const_data_ptr<double>()[n]); });
}

at::Tensor foreground_psnr(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights) {
  check_pair(pictures, truths);
  check_weights(pictures, weights);
  const at::Tensor a = exact(pictures), b = exact(truths), coverage = exact(weights);
  const std::int64_t pixels = values_of_each(coverage);
  return of_each(a.size(0), [&](std::int64_t n) {
    const double *x = picture_of(a, n), *y = picture_of(b, n), *w = picture_of(coverage, n);
    const double weighted =
        sum_of(0, 3 * pixels, [&](std::int64_t i) { return (x[i] - y[i]) * (x[i] - y[i]) * w[i % pixels]; });
    return psnr_of_mse(weighted / (3 * sum_of(0, pixels, [&](std::int64_t i) { return w[i]; })));  // 0/0: NaN
  });
}

at::Tensor ssim_map(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  return ssim_maps(exact(pictures), exact(truths), gaussian_ssim_window());
}

at::Tensor ssim(const at::Tensor& pictures, const at::Tensor& truths) {
  return mean_of_ssim_map(ssim_map(pictures, truths));
}

at::Tensor mean_of_ssim_map(const at::Tensor& map) {
  return mean_of_each(map);
}

at::Tensor ssim_grey(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  return mean_of_each(ssim_maps(luma(exact(pictures)), luma(exact(truths)), gaussian_ssim_window()));
}

at::Tensor ssim_uniform(const at::Tensor& pictures, const at::Tensor& truths) {
  check_pair(pictures, truths);
  return mean_of_each(ssim_maps(exact(pictures), exact(truths), uniform_ssim_window()));
}

at::Tensor foreground_ssim(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights) {
  check_pair(pictures, truths);
  check_weights(pictures, weights);
  return foreground_of_ssim_map(ssim_map(pictures, truths), weights);
}

at::Tensor foreground_of_ssim_map(const at::Tensor& map, const at::Tensor& weights) {
  const int border = kSsimWindow / 2;
  const at::Tensor w = exact(weights.narrow(2, border, map.size(2)).narrow(3, border, map.size(3)));
  const std::int64_t pixels = values_of_each(w);
  return of_each(map.size(0), [&](std::int64_t n) {
    const double *m = picture_of(map, n), *weight = picture_of(w, n);
    const double weighted =
        sum_of(0, pixels, [&](std::int64_t i) { return (m[i] + m[i + pixels] + m[i + 2 * pixels]) / 3 * weight[i]; });
    return weighted / sum_of(0, pixels, [&](std::int64_t i) { return weight[i]; });
  });
}

}  // namespace spinfill
