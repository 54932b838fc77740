// SPDX-License-Identifier: Apache-2.0
#include "data/hold_out.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "geometry/ray_march.h"
#include "geometry/visual_hull.h"

namespace spinfill {

namespace {

constexpr std::int64_t kGrid = 96;  // voxels along the vehicle

cv::Mat as_picture(const at::Tensor& coverage) {  // [h,w]
  const at::Tensor c = coverage.contiguous();
  return cv::Mat(static_cast<int>(c.size(0)), static_cast<int>(c.size(1)), CV_32F, c.data_ptr<float>()).clone();
}

double intersection_over_union(const cv::Mat& a, const cv::Mat& b) {
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

// The best agreement over scales and shifts of the hull's silhouette, by steps that halve.
double aligned_agreement(const cv::Mat& hull, const cv::Mat& mask) {
  const cv::Moments of_hull = cv::moments(hull), of_mask = cv::moments(mask);
  if (of_hull.m00 <= 0 || of_mask.m00 <= 0) return intersection_over_union(hull, mask);
  const double cx = of_hull.m10 / of_hull.m00, cy = of_hull.m01 / of_hull.m00;
  const auto agreement = [&](const std::array<double, 3>& at) {  // scale, shift
    const cv::Matx23d map(at[0], 0, cx + at[1] - at[0] * cx, 0, at[0], cy + at[2] - at[0] * cy);
    cv::Mat moved;
    cv::warpAffine(hull, moved, map, hull.size(), cv::INTER_LINEAR);
    return intersection_over_union(moved, mask);
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

std::vector<HullAgreement> hull_agreement(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                          const std::vector<bool>& is_reference) {
  const at::NoGradGuard no_grad;
  const auto n = static_cast<std::int64_t>(pictures.size());
  const std::int64_t H = pictures.at(0).alpha.size(0), W = pictures[0].alpha.size(1),
                     w = std::min<std::int64_t>(kHullScoreWidth, W),
                     h = std::max<std::int64_t>(
                         2, std::lround(static_cast<double>(H) * static_cast<double>(w) / static_cast<double>(W)));
  at::Tensor alpha = at::empty({1, n, 1, h, w}), pose = at::empty({1, n, 4, 4}, at::kDouble),
             intrinsics = at::empty({1, n, 4}, at::kDouble), given = at::empty({1, n}, at::kBool);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    alpha[0][i].copy_(at::adaptive_avg_pool2d(pictures[k].alpha.view({1, 1, H, W}), {h, w})[0]);
    const Camera camera = resized(cameras[k], static_cast<int>(w), static_cast<int>(h));
    for (int r = 0; r < 4; ++r)
      for (int c = 0; c < 4; ++c) pose[0][i][r][c] = camera.vehicle_from_camera(r, c);
    const double lens[] = {camera.fl_x, camera.fl_y, camera.cx, camera.cy};
    for (int c = 0; c < 4; ++c) intrinsics[0][i][c] = lens[c];
    given[0][i] = static_cast<bool>(is_reference[k]);
  }
  const References references =
      gather_references(at::zeros({1, n, 3, h, w}), alpha, at::zeros({1, 3}), given, pose, intrinsics);
  HullOptions options;
  options.grid = kGrid;
  options.sections = true;
  const Surface surface = march(carve_hull(references, options), pose, intrinsics, h, w);
  const at::Tensor coverage = surface.pixels.maps(surface.coverage.unsqueeze(2), n, h, w);  // [1,n,1,h,w]
  std::vector<HullAgreement> out;
  for (std::int64_t i = 0; i < n; ++i) {
    const cv::Mat hull = as_picture(coverage[0][i][0]), mask = as_picture(alpha[0][i][0]);
    out.push_back({intersection_over_union(hull, mask), aligned_agreement(hull, mask)});
  }
  return out;
}

std::vector<HeldOutView> hold_out(const ViewSet& set, int count, const Turntable& canonical,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const auto n = set.frames.size();
  if (count < 1 || static_cast<std::size_t>(count) >= n)
    fail_usage("{}: --hold-out {}: 1 to {} of its {} views can be left out", set.folder.string(), count, n - 1, n);
  std::vector<SpinPicture> pictures;
  for (const Frame& frame : set.frames) pictures.push_back(spin_picture(set, frame));
  // Every choice, in the order of the frames.
  std::vector<std::vector<bool>> choices;
  std::vector<bool> left_out(n);
  std::fill(left_out.begin(), left_out.begin() + count, true);
  do choices.push_back(left_out);
  while (std::prev_permutation(left_out.begin(), left_out.end()));

  std::vector<HeldOutView> out;
  for (std::size_t c = 0; c < choices.size(); ++c) {
    std::vector<SpinPicture> given;
    std::vector<bool> is_reference;
    std::vector<double> absent;
    for (std::size_t i = 0; i < n; ++i) {
      is_reference.push_back(!choices[c][i]);
      if (choices[c][i])
        absent.push_back(pictures[i].azimuth_deg);
      else
        given.push_back(pictures[i]);
    }
    const Stabilisation stabilisation = stabilise(given);
    std::vector<Camera> cameras, before;
    std::vector<bool> carving = is_reference;
    for (std::size_t i = 0, reference = 0; i < n; ++i) {
      before.push_back(turntable_camera(canonical, pictures[i].azimuth_deg, set.width, set.height));
      if (is_reference[i]) {
        carving[i] = stabilisation.views[reference].trusted;
        cameras.push_back(stabilisation.views[reference++].camera);
      } else {
        cameras.push_back(stabilisation.predict(pictures[i].azimuth_deg).camera);
      }
    }
    const auto agreement = hull_agreement(pictures, cameras, carving),
               agreement_before = hull_agreement(pictures, before, is_reference);
    double at_references = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (is_reference[i]) at_references += agreement[i].as_photographed / static_cast<double>(given.size());
    for (std::size_t i = 0; i < n; ++i) {
      if (is_reference[i]) continue;
      out.push_back({pictures[i].azimuth_deg, absent, agreement[i], agreement_before[i], at_references});
    }
    if (progress) progress(static_cast<std::int64_t>(c) + 1, static_cast<std::int64_t>(choices.size()));
  }
  return out;
}

}  // namespace spinfill
