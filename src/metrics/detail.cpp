// SPDX-License-Identifier: Apache-2.0
#include "metrics/detail.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/per_picture.h"

namespace spinfill {
namespace {

// The longer side of the box of what is covered by half; 0 where nothing is.
std::int64_t longer_side(const at::Tensor& alpha) {
  const std::int64_t height = alpha.size(1), width = alpha.size(2);
  const double* a = alpha.const_data_ptr<double>();
  std::int64_t left = width, right = -1, top = height, bottom = -1;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      if (a[y * width + x] < 0.5) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  return right < 0 ? 0 : std::max(right - left, bottom - top) + 1;
}

// Sums of all windows of a side, by the corner, in units of 2^-32: whole numbers, so that any order gives the same.
struct WindowSums {
  std::int64_t width, height;
  std::vector<std::int64_t> of;
};
WindowSums window_sums(const at::Tensor& gradient, std::int64_t side) {
  const std::int64_t height = gradient.size(1), width = gradient.size(2), stride = width + 1;
  WindowSums sums{std::max<std::int64_t>(0, width - side + 1), std::max<std::int64_t>(0, height - side + 1), {}};
  if (sums.width == 0 || sums.height == 0) return sums;
  const double* g = gradient.const_data_ptr<double>();
  const auto at = [stride](std::int64_t y, std::int64_t x) { return static_cast<std::size_t>(y * stride + x); };
  std::vector<std::int64_t> above(static_cast<std::size_t>((height + 1) * stride));  // of all above and to the left
  for (std::int64_t y = 0; y < height; ++y) {
    std::int64_t row = 0;
    for (std::int64_t x = 0; x < width; ++x) {
      row += std::llround(std::ldexp(g[y * width + x], 32));
      above[at(y + 1, x + 1)] = above[at(y, x + 1)] + row;
    }
  }
  for (std::int64_t y = 0; y < sums.height; ++y) {
    for (std::int64_t x = 0; x < sums.width; ++x)
      sums.of.push_back(above[at(y + side, x + side)] - above[at(y, x + side)] - above[at(y + side, x)] +
                        above[at(y, x)]);
  }
  return sums;
}

at::Tensor crops(const at::Tensor& picture, const DetailWindows& windows) {
  std::vector<at::Tensor> all;
  for (const auto& [x, y] : windows.corners)
    all.push_back(picture.narrow(1, y, windows.side).narrow(2, x, windows.side));
  return at::stack(all);
}

at::Tensor undefined(std::int64_t pictures) {
  return at::full({pictures}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
}

}  // namespace

at::Tensor covered_gradient(const at::Tensor& truth, const at::Tensor& alpha) {
  check_pair(truth.unsqueeze(0), truth.unsqueeze(0));
  check_weights(truth.unsqueeze(0), alpha.unsqueeze(0));
  const at::Tensor brightness = luma(exact(truth).unsqueeze(0)), coverage = exact(alpha);
  const std::int64_t height = truth.size(1), width = truth.size(2);
  at::Tensor gradient = at::zeros({1, height, width}, at::kDouble);
  const double *l = brightness.const_data_ptr<double>(), *a = coverage.const_data_ptr<double>();
  double* out = gradient.mutable_data_ptr<double>();
  for (std::int64_t y = 1; y + 1 < height; ++y) {
    for (std::int64_t x = 1; x + 1 < width; ++x) {
      const std::int64_t at = y * width + x, up = at - width, down = at + width;
      const double along = l[at + 1] - l[at - 1], across = l[down] - l[up];
      out[at] =
          0.5 * std::sqrt(along * along + across * across) * std::min({a[at], a[at - 1], a[at + 1], a[up], a[down]});
    }
  }
  return gradient;
}

at::Tensor gradient_psnr(const at::Tensor& pictures, const at::Tensor& truth, const at::Tensor& gradient) {
  const at::Tensor a = exact(pictures), b = exact(truth);
  check_pair(pictures, truth.unsqueeze(0).expand_as(pictures));
  const double *y = b.const_data_ptr<double>(), *g = gradient.const_data_ptr<double>();
  const std::int64_t pixels = gradient.numel();
  const double all = sum_of(0, pixels, [&](std::int64_t i) { return g[i]; });
  return of_each(a.size(0), [&](std::int64_t n) {
    const double* x = picture_of(a, n);
    const double weighted =
        sum_of(0, 3 * pixels, [&](std::int64_t i) { return (x[i] - y[i]) * (x[i] - y[i]) * g[i % pixels]; });
    return psnr_of_mse(weighted / (3 * all));  // 0/0: NaN
  });
}

DetailWindows detail_windows(const at::Tensor& gradient, const at::Tensor& alpha) {
  DetailWindows windows;
  const std::int64_t longer = longer_side(exact(alpha));
  if (longer == 0) return windows;
  windows.side = std::max<std::int64_t>(kSmallestDetailSide, (2 * longer + kDetailShare) / (2 * kDetailShare));
  WindowSums sums = window_sums(gradient, windows.side);
  while (std::ssize(windows.corners) < kDetailWindows) {
    const auto best = std::ranges::max_element(sums.of);  // the first of equal ones
    if (best == sums.of.end() || *best <= 0) break;
    const std::int64_t index = best - sums.of.begin(), x = index % sums.width, y = index / sums.width;
    windows.corners.push_back({x, y});
    for (std::int64_t v = std::max<std::int64_t>(0, y - windows.side + 1); v < std::min(sums.height, y + windows.side);
         ++v) {
      for (std::int64_t u = std::max<std::int64_t>(0, x - windows.side + 1); u < std::min(sums.width, x + windows.side);
           ++u)
        sums.of[static_cast<std::size_t>(v * sums.width + u)] = 0;
    }
  }
  return windows;
}

at::Tensor detail_psnr(const at::Tensor& pictures, const at::Tensor& truth, const DetailWindows& windows) {
  if (windows.corners.empty()) return undefined(pictures.size(0));
  const at::Tensor b = exact(crops(truth, windows));
  return of_each(pictures.size(0), [&](std::int64_t n) {
    const at::Tensor a = exact(crops(pictures[n], windows));
    const double *x = a.const_data_ptr<double>(), *y = b.const_data_ptr<double>();
    return psnr_of_mse(sum_of(0, a.numel(), [&](std::int64_t i) { return (x[i] - y[i]) * (x[i] - y[i]); }) /
                       static_cast<double>(a.numel()));
  });
}

at::Tensor detail_lpips(const at::Tensor& pictures, const at::Tensor& truth, const DetailWindows& windows,
                        const Lpips& lpips) {
  if (windows.corners.empty() || windows.side < lpips.smallest_size()) return undefined(pictures.size(0));
  std::vector<at::Tensor> of_windows;  // each [N]: its true features are made once
  for (const auto& [x, y] : windows.corners) {
    const auto crop = [&](const at::Tensor& all) {
      return all.narrow(2, y, windows.side).narrow(3, x, windows.side).contiguous();
    };
    of_windows.push_back(lpips.distance(crop(pictures), crop(truth.unsqueeze(0))));
  }
  const at::Tensor each = at::stack(of_windows, 1);
  const std::int64_t count = each.size(1);
  return of_each(pictures.size(0), [&](std::int64_t n) {
    const double* d = each.const_data_ptr<double>() + n * count;
    return sum_of(0, count, [&](std::int64_t i) { return d[i]; }) / static_cast<double>(count);
  });
}

}  // namespace spinfill
