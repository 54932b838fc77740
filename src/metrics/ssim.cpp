// SPDX-License-Identifier: Apache-2.0
#include "metrics/ssim.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "metrics/image_metrics.h"

namespace spinfill {

const SsimWindow& gaussian_ssim_window() {
  static const SsimWindow window = [] {
    constexpr double sigma = 1.5;
    SsimWindow made;
    double sum = 0;
    for (int i = 0; i < kSsimWindow; ++i) {
      const double x = i - kSsimWindow / 2;
      made.weights.push_back(std::exp(-x * x / (2 * sigma * sigma)));
      sum += made.weights.back();
    }
    for (double& weight : made.weights) weight /= sum;
    return made;
  }();
  return window;
}

const SsimWindow& uniform_ssim_window() {
  constexpr double pixels = kUniformSsimWindow * kUniformSsimWindow;
  static const SsimWindow window{std::vector<double>(kUniformSsimWindow, 1.0 / kUniformSsimWindow),
                                 pixels / (pixels - 1)};
  return window;
}

void ssim_of_plane(const double* a, const double* b, std::int64_t height, std::int64_t width, const SsimWindow& window,
                   double* out) {
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  enum { mean_a, mean_b, square_a, square_b, product, kMoments };
  const auto n = static_cast<std::int64_t>(window.weights.size());
  const std::int64_t across = width - n + 1;
  // Rows filtered along x, the latest n of them: those under the window of one row of the result.
  std::array<std::vector<double>, kMoments> rows, sums;
  for (auto& moment : rows) moment.assign(static_cast<std::size_t>(n * across), 0);
  for (auto& moment : sums) moment.resize(static_cast<std::size_t>(across));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t slot = (y % n) * across;
    for (auto& moment : rows) std::fill_n(moment.begin() + slot, across, 0.0);
    for (std::int64_t i = 0; i < n; ++i) {
      const double w = window.weights[static_cast<std::size_t>(i)];
      const double *pa = a + y * width + i, *pb = b + y * width + i;
      double *ma = rows[mean_a].data() + slot, *mb = rows[mean_b].data() + slot, *sa = rows[square_a].data() + slot,
             *sb = rows[square_b].data() + slot, *ab = rows[product].data() + slot;
      for (std::int64_t x = 0; x < across; ++x) {
        ma[x] += w * pa[x];
        mb[x] += w * pb[x];
        sa[x] += w * (pa[x] * pa[x]);
        sb[x] += w * (pb[x] * pb[x]);
        ab[x] += w * (pa[x] * pb[x]);
      }
    }
    if (y + 1 < n) continue;
    for (std::size_t m = 0; m < kMoments; ++m) {
      std::fill(sums[m].begin(), sums[m].end(), 0.0);
      for (std::int64_t i = 0; i < n; ++i) {
        const double w = window.weights[static_cast<std::size_t>(i)];
        const double* row = rows[m].data() + ((y + 1 + i) % n) * across;  // y − n + 1 + i
        double* const sum = sums[m].data();
        for (std::int64_t x = 0; x < across; ++x) sum[x] += w * row[x];
      }
    }
    double* const result = out + (y + 1 - n) * across;
    for (std::int64_t x = 0; x < across; ++x) {
      const double ua = sums[mean_a][x], ub = sums[mean_b][x];
      const double variances = window.sample_factor * (sums[square_a][x] - ua * ua + sums[square_b][x] - ub * ub);
      const double covariance = window.sample_factor * (sums[product][x] - ua * ub);
      result[x] = (2 * ua * ub + c1) * (2 * covariance + c2) / ((ua * ua + ub * ub + c1) * (variances + c2));
    }
  }
}

}  // namespace spinfill
