// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace spinfill {

// What an SSIM is computed with: a separable window and the estimate of variances under it.
struct SsimWindow {
  std::vector<double> weights;  // along one dimension, odd in number, of sum 1
  double sample_factor = 1;     // 1: population variances; n/(n−1) for n pixels under the window: sample variances
};
const SsimWindow& gaussian_ssim_window();  // 11 px, σ 1.5, population variances
const SsimWindow& uniform_ssim_window();   // 7 px, equal weights, sample variances

// Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE
// TIP 2004, eq. 13, K = (0.01, 0.03), of one channel: a, b are rows of [height,width] in [0,1], `out` of the region
// where the window fits. One thread and one order of additions: the same bits wherever it is called.
void ssim_of_plane(const double* a, const double* b, std::int64_t height, std::int64_t width, const SsimWindow& window,
                   double* out);

}  // namespace spinfill
