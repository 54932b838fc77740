// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_bins.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kTargetDeg = 6;  // standard deviation of the soft target
constexpr double kPeakDeg = 20;   // half the width of what belongs to a peak

double bin_deg(std::int64_t bin) {
  return kAzimuthBinDeg * static_cast<double>(bin);
}

// Share of the bins within `reach` of an azimuth; those at the edge count as far as they reach.
double share_near(const float* shares, double azimuth_deg, double reach_deg) {
  double sum = 0;
  for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
    const double inside = (reach_deg - apart_deg(bin_deg(b), azimuth_deg)) / kAzimuthBinDeg + 0.5;
    sum += shares[b] * std::clamp(inside, 0.0, 1.0);
  }
  return sum;
}

}  // namespace

at::Tensor azimuth_loss(const at::Tensor& logits, const std::vector<double>& azimuths_deg) {
  const double kappa = 1 / std::pow(kTargetDeg * kDegree, 2);
  at::Tensor target = at::empty({static_cast<std::int64_t>(azimuths_deg.size()), kAzimuthBins}, at::kFloat);
  auto values = target.accessor<float, 2>();
  for (std::int64_t n = 0; n < target.size(0); ++n) {
    for (std::int64_t b = 0; b < kAzimuthBins; ++b)
      values[n][b] = static_cast<float>(
          kappa * (std::cos((azimuths_deg[static_cast<std::size_t>(n)] - bin_deg(b)) * kDegree) - 1));
  }
  target = at::softmax(target, 1).to(logits.device());
  return -(target * at::log_softmax(logits, 1)).sum(1).mean();
}

AzimuthEstimate estimate_of(const at::Tensor& shares) {
  const at::Tensor own = shares.contiguous();
  const float* p = own.const_data_ptr<float>();
  std::int64_t peak = 0;
  double most = -1;
  for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
    const double near = share_near(p, bin_deg(b), kPeakDeg);
    if (near <= most) continue;
    most = near;
    peak = b;
  }
  double sine = 0, cosine = 0;
  for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
    if (apart_deg(bin_deg(b), bin_deg(peak)) > kPeakDeg) continue;
    sine += p[b] * std::sin(bin_deg(b) * kDegree);
    cosine += p[b] * std::cos(bin_deg(b) * kDegree);
  }
  AzimuthEstimate out;
  out.azimuth_deg = wrapped_deg(std::atan2(sine, cosine) / kDegree);
  out.confidence = std::clamp(share_near(p, out.azimuth_deg, kRightDeg), 0.0, 1.0);
  return out;
}

at::Tensor mirrored_bins(const at::Tensor& shares) {
  return at::roll(at::flip(shares, {-1}), 1, -1);
}

}  // namespace spinfill
