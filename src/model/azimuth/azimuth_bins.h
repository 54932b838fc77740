// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace spinfill {

// A distribution over the direction that a vehicle is seen from: bin b stands for 360·b/72 degrees.
inline constexpr std::int64_t kAzimuthBins = 72;
inline constexpr double kAzimuthBinDeg = 360.0 / kAzimuthBins;

// An azimuth counts as right within half a primary view's share.
inline constexpr double kRightDeg = 22.5;

struct AzimuthEstimate {
  double azimuth_deg = 0;  // [0, 360)
  double confidence = 0;   // that it is right to kRightDeg, [0, 1]
};

// Cross-entropy with a soft target, the von Mises distribution round the true azimuth whose standard deviation is about
// 6°: bin b has a share ∝ exp(κ·cos(θ − θ_b)), κ = 1/σ². logits [N,72] float32, azimuths one each, degrees. 0-dim, the
// mean.
at::Tensor azimuth_loss(const at::Tensor& logits, const std::vector<double>& azimuths_deg);

// shares [72], float32, sum 1, of the processor: the direction within ±20° of which most lies, refined to the circular
// mean of what lies there; its confidence is what lies within kRightDeg of that.
AzimuthEstimate estimate_of(const at::Tensor& shares);

// The same picture mirrored: the shares of −θ.
at::Tensor mirrored_bins(const at::Tensor& shares);

}  // namespace spinfill
