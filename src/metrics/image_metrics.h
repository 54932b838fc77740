// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace spinfill {

// Picture scores. Letters: N pictures, H W pixels. Pictures are [N,3,H,W] sRGB in [0,1] on any device, both sides
// composited on the same background; weights (coverage, the truth's alpha) are [N,1,H,W] in [0,1]. Scores are [N]
// float64 on the CPU, one per picture: average them per picture, never pool. Wrong shapes are an error (exit 3).

// PSNR of identical pictures is infinite, which neither averages nor JSON can hold: every PSNR is capped here, dB.
inline constexpr double kPsnrCap = 100;
// Side of the SSIM window: pictures must be at least this large.
inline constexpr int kSsimWindow = 11;

// Clamped to [0,1] and rounded to the 256 levels that a PNG can hold.
at::Tensor rounded_to_8_bits(const at::Tensor& pictures);

// 10·log10(1/MSE), MSE over all pixels and channels.
at::Tensor psnr(const at::Tensor& pictures, const at::Tensor& truths);

// The same with MSE = Σ weight·(a−b)² / (3·Σ weight); NaN where the weights sum to zero.
at::Tensor foreground_psnr(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights);

// Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE
// TIP 2004, eq. 13, with its Gaussian 11×11 window (σ 1.5), K = (0.01, 0.03), population covariance, per channel, in
// the region where the window fits: [N,3,H−10,W−10]. Its mean equals scikit-image's structural_similarity with
// gaussian_weights, sigma=1.5, use_sample_covariance=False, data_range=1.
at::Tensor ssim_map(const at::Tensor& pictures, const at::Tensor& truths);
at::Tensor ssim(const at::Tensor& pictures, const at::Tensor& truths);

// Mean of the SSIM map weighted by the coverage at the window's centre, over the region where the window fits; NaN
// where the weights there sum to zero.
at::Tensor foreground_ssim(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights);

}  // namespace spinfill
