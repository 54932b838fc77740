// SPDX-License-Identifier: Apache-2.0
#include "data/spins/hull_agreement.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "geometry/camera_tensors.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"

namespace spinfill {

namespace {

constexpr std::int64_t kGrid = 96;  // voxels along the vehicle

cv::Mat as_picture(const at::Tensor& coverage) {  // [h,w]
  const at::Tensor c = coverage.contiguous();
  return cv::Mat(static_cast<int>(c.size(0)), static_cast<int>(c.size(1)), CV_32F, c.data_ptr<float>()).clone();
}

// The best agreement over scales and shifts of the hull's silhouette, by steps that halve.
double aligned_agreement(const cv::Mat& hull, const cv::Mat& mask) {
  const cv::Moments of_hull = cv::moments(hull), of_mask = cv::moments(mask);
  if (of_hull.m00 <= 0 || of_mask.m00 <= 0) return silhouette_overlap(hull, mask);
  const double cx = of_hull.m10 / of_hull.m00, cy = of_hull.m01 / of_hull.m00;
  const auto agreement = [&](const std::array<double, 3>& at) {  // scale, shift
    const cv::Matx23d map(at[0], 0, cx + at[1] - at[0] * cx, 0, at[0], cy + at[2] - at[0] * cy);
    cv::Mat moved;
    cv::warpAffine(hull, moved, map, hull.size(), cv::INTER_LINEAR);
    return silhouette_overlap(moved, mask);
  };
  std::array<double, 3> at = {std::sqrt(of_mask.m00 / of_hull.m00), of_mask.m10 / of_mask.m00 - cx,
                              of_mask.m01 / of_mask.m00 - cy};
  double best = agreement(at);
  const std::array<double, 3> as_is = {1, 0, 0};
  if (const double here = agreement(as_is); here > best) best = here, at = as_is;
  std::array<double, 3> step = {0.02, 4, 4};  // px
  for (int round = 0; round < 5;) {
    bool better = false;
    for (std::size_t k = 0; k < 3; ++k) {
      for (const double sign : {-1.0, 1.0}) {
        auto tried = at;
        tried[k] += sign * step[k];
        if (const double value = agreement(tried); value > best) best = value, at = tried, better = true;
      }
    }
    if (better) continue;
    for (double& s : step) s /= 2;
    ++round;
  }
  return best;
}

}  // namespace

double silhouette_overlap(const cv::Mat& a, const cv::Mat& b) {
  std::int64_t common = 0, either = 0;
  for (int y = 0; y < a.rows; ++y) {
    const auto *p = a.ptr<float>(y), *q = b.ptr<float>(y);
    for (int x = 0; x < a.cols; ++x) {
      const bool in_a = p[x] > 0.5F, in_b = q[x] > 0.5F;
      common += in_a && in_b;
      either += in_a || in_b;
    }
  }
  return either == 0 ? 0 : static_cast<double>(common) / static_cast<double>(either);
}

HullSilhouettes hull_silhouettes(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                 const std::vector<bool>& is_reference) {
  const at::NoGradGuard no_grad;
  const auto n = static_cast<std::int64_t>(pictures.size());
  const std::int64_t H = pictures.at(0).alpha.size(0), W = pictures[0].alpha.size(1),
                     w = std::min<std::int64_t>(kHullScoreWidth, W),
                     h = std::max<std::int64_t>(
                         2, std::lround(static_cast<double>(H) * static_cast<double>(w) / static_cast<double>(W)));
  at::Tensor alpha = at::empty({1, n, 1, h, w}), given = at::empty({1, n}, at::kBool);
  CameraTensors placed(1, n);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    alpha[0][i].copy_(at::adaptive_avg_pool2d(pictures[k].alpha.view({1, 1, H, W}), {h, w})[0]);
    placed.put(0, i, resized(cameras[k], static_cast<int>(w), static_cast<int>(h)));
    given[0][i] = static_cast<bool>(is_reference[k]);
  }
  const References references = gather_references(at::zeros({1, n, 3, h, w}), alpha, at::zeros({1, 3}), given,
                                                  placed.vehicle_from_camera, placed.intrinsics);
  HullOptions options;
  options.grid = kGrid;
  options.sections = true;
  const Surface surface = march(carve_hull(references, options), placed.vehicle_from_camera, placed.intrinsics, h, w);
  const at::Tensor coverage = surface.pixels.maps(surface.coverage.unsqueeze(2), n, h, w);  // [1,n,1,h,w]
  HullSilhouettes out;
  for (std::int64_t i = 0; i < n; ++i) {
    out.hull.push_back(as_picture(coverage[0][i][0]));
    out.mask.push_back(as_picture(alpha[0][i][0]));
  }
  return out;
}

std::vector<HullAgreement> hull_agreement(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                          const std::vector<bool>& is_reference) {
  const HullSilhouettes silhouettes = hull_silhouettes(pictures, cameras, is_reference);
  std::vector<HullAgreement> out;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const cv::Mat &hull = silhouettes.hull[i], &mask = silhouettes.mask[i];
    out.push_back({silhouette_overlap(hull, mask), aligned_agreement(hull, mask)});
  }
  return out;
}

}  // namespace spinfill
