// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace spinfill {

// Picture scores. Letters: N pictures, H W pixels. Pictures are [N,3,H,W] sRGB in [0,1] on any device, both sides
// composited on the same background; weights (coverage, the truth's alpha) are [N,1,H,W] in [0,1]. Scores are [N]
// float64 on the CPU, one per picture: average them per picture, never pool. Wrong shapes are an error (exit 3).
// Each picture is scored by itself, in float64, by one thread that adds in one order: a score's bits depend neither on
// what else is in the batch nor on the number of threads.

// PSNR of identical pictures is infinite, which neither averages nor JSON can hold: every PSNR is capped here, dB.
inline constexpr double kPsnrCap = 100;
// Sides of the SSIM windows, px: pictures must be at least this large.
inline constexpr int kSsimWindow = 11, kUniformSsimWindow = 7;

// Clamped to [0,1] and rounded to the 256 levels that a PNG can hold.
at::Tensor rounded_to_8_bits(const at::Tensor& pictures);

// L2: the mean squared error over all pixels and channels, scikit-image's mean_squared_error; and 10·log10(1/MSE), its
// peak_signal_noise_ratio with data_range=1.
at::Tensor l2(const at::Tensor& pictures, const at::Tensor& truths);
at::Tensor psnr(const at::Tensor& pictures, const at::Tensor& truths);

// The same with MSE = Σ weight·(a−b)² / (3·Σ weight); NaN where the weights sum to zero.
at::Tensor foreground_psnr(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights);

// SSIM (metrics/ssim.h) per channel with the Gaussian window, in the region where it fits: [N,3,H−10,W−10]. Its mean
// equals scikit-image's structural_similarity with channel_axis, gaussian_weights=True, sigma=1.5,
// use_sample_covariance=False, data_range=1 (torchmetrics averages over reflected borders as well, so its mean is
// another number).
at::Tensor ssim_map(const at::Tensor& pictures, const at::Tensor& truths);
at::Tensor ssim(const at::Tensor& pictures, const at::Tensor& truths);
at::Tensor mean_of_ssim_map(const at::Tensor& map);  // ssim() of its map

// The same of the luma .299 R + .587 G + .114 B (ITU-R BT.601, not rounded).
at::Tensor ssim_grey(const at::Tensor& pictures, const at::Tensor& truths);

// Per channel with the uniform 7×7 window and sample covariance: structural_similarity as it is without options but
// channel_axis and data_range=1.
at::Tensor ssim_uniform(const at::Tensor& pictures, const at::Tensor& truths);

// Mean of the SSIM map weighted by the coverage at the window's centre, over the region where the window fits; NaN
// where the weights there sum to zero.
at::Tensor foreground_ssim(const at::Tensor& pictures, const at::Tensor& truths, const at::Tensor& weights);
at::Tensor foreground_of_ssim_map(const at::Tensor& map, const at::Tensor& weights);  // the same of ssim_map()

}  // namespace spinfill
