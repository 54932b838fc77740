// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "metrics/lpips.h"

namespace spinfill {

// Scores of fine detail, such as rims, plates, badges and lettering: a few per cent of a picture, which its whole
// scores hardly see. Nobody marks them: they are found where the truth's luma Y has steep slopes inside the vehicle.
// Letters and conditions as in metrics/image_metrics.h; a truth is [3,H,W], its coverage α [1,H,W].

// G = |∇Y|·min α: central differences, the least coverage of the five pixels that they read, so that the silhouette's
// own edge does not count; zero on the picture's border. [1,H,W] float64.
at::Tensor covered_gradient(const at::Tensor& truth, const at::Tensor& alpha);

// PSNR with MSE = Σ G·(a−b)² / (3·Σ G); NaN where the truth has no gradient. [N].
at::Tensor gradient_psnr(const at::Tensor& pictures, const at::Tensor& truth, const at::Tensor& gradient);

inline constexpr int kDetailWindows = 6;
inline constexpr int kDetailShare = 8;          // windows along the longer side of the vehicle's box
inline constexpr int kSmallestDetailSide = 16;  // px

// The squares with the greatest ΣG, one after another, none overlapping another, within the picture; of equal ones the
// uppermost, then leftmost. Their side is an eighth of the longer side of the box of α ≥ ½, rounded, at least 16 px.
// None where nothing is covered, as many as have any gradient.
struct DetailWindows {
  std::int64_t side = 0;                               // px
  std::vector<std::array<std::int64_t, 2>> corners{};  // x, y of the upper left pixel
};
DetailWindows detail_windows(const at::Tensor& gradient, const at::Tensor& alpha);

// PSNR of all windows' pixels together, and the mean over the windows of each one's LPIPS; NaN without windows, LPIPS
// where they are smaller than its net needs. [N].
at::Tensor detail_psnr(const at::Tensor& pictures, const at::Tensor& truth, const DetailWindows& windows);
at::Tensor detail_lpips(const at::Tensor& pictures, const at::Tensor& truth, const DetailWindows& windows,
                        const Lpips& lpips);

}  // namespace spinfill
