// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/config/named.h"

namespace spinfill {

// At which size pictures are scored.
enum class ScoredAt {
  model,  // the model's pictures, whole
  photo,  // each photograph's own size, on the true vehicle's box
};
template <>
inline constexpr Named<ScoredAt> kNamesOf<ScoredAt>[] = {{ScoredAt::model, "model"}, {ScoredAt::photo, "photo"}};

// All scores. The first kPictureMetrics are those of a picture and its truth; at photo size come two of the silhouette,
// then all of these again after the best shift and scale (metrics/photo/photo_evaluation.h), then what is not repeated.
inline const std::vector<std::string> kMetricNames = {"psnr",
                                                      "foreground_psnr",
                                                      "ssim",
                                                      "foreground_ssim",
                                                      "lpips",
                                                      "ssim_grey",
                                                      "ssim_uniform",
                                                      "l2",
                                                      "gradient_psnr",
                                                      "detail_psnr",
                                                      "detail_lpips",
                                                      "silhouette_iou",
                                                      "boundary_px",
                                                      "aligned_psnr",
                                                      "aligned_foreground_psnr",
                                                      "aligned_ssim",
                                                      "aligned_foreground_ssim",
                                                      "aligned_lpips",
                                                      "aligned_ssim_grey",
                                                      "aligned_ssim_uniform",
                                                      "aligned_l2",
                                                      "aligned_gradient_psnr",
                                                      "aligned_detail_psnr",
                                                      "aligned_detail_lpips",
                                                      "aligned_silhouette_iou",
                                                      "aligned_boundary_px",
                                                      "geometric_consistency",
                                                      "identity",
                                                      "identity_of_references",
                                                      "dists",
                                                      "st_lpips",
                                                      "normal_error",
                                                      "normal_error_median"};
inline constexpr std::size_t kPictureMetrics = 11, kAligned = 13, kMetrics = 33;
// Places in that order.
inline constexpr std::size_t kLpips = 4, kL2 = 7, kGradientPsnr = 8, kDetailPsnr = 9, kDetailLpips = 10,
                             kSilhouetteIou = 11, kBoundary = 12, kGeometricConsistency = 26, kIdentity = 27,
                             kIdentityOfReferences = 28, kDists = 29, kStLpips = 30, kNormalError = 31,
                             kNormalErrorMedian = 32;
// As tables head them.
inline constexpr auto kMetricLabels = std::to_array<const char*>({"PSNR",
                                                                  "PSNR foreground",
                                                                  "SSIM",
                                                                  "SSIM foreground",
                                                                  "LPIPS",
                                                                  "SSIM grey",
                                                                  "SSIM uniform",
                                                                  "L2",
                                                                  "PSNR by gradient",
                                                                  "PSNR of details",
                                                                  "LPIPS of details",
                                                                  "silhouette IoU",
                                                                  "boundary error, px",
                                                                  "aligned PSNR",
                                                                  "aligned PSNR foreground",
                                                                  "aligned SSIM",
                                                                  "aligned SSIM foreground",
                                                                  "aligned LPIPS",
                                                                  "aligned SSIM grey",
                                                                  "aligned SSIM uniform",
                                                                  "aligned L2",
                                                                  "aligned PSNR by gradient",
                                                                  "aligned PSNR of details",
                                                                  "aligned LPIPS of details",
                                                                  "aligned silhouette IoU",
                                                                  "aligned boundary error, px",
                                                                  "geometric consistency",
                                                                  "identity",
                                                                  "identity of the references",
                                                                  "DISTS",
                                                                  "ST-LPIPS",
                                                                  "error of normals, °",
                                                                  "median error of normals, °"});
static_assert(kMetricLabels.size() == kMetrics);

// The score that an aligned one repeats; any other is its own.
constexpr std::size_t plain_metric(std::size_t metric) {
  return metric >= kAligned && metric < 2 * kAligned ? metric - kAligned : metric;
}
constexpr bool is_of_normals(std::size_t metric) {
  return metric == kNormalError || metric == kNormalErrorMedian;
}
constexpr bool measured_at(ScoredAt at, std::size_t metric) {
  if (is_of_normals(metric)) return at == ScoredAt::model;
  return at == ScoredAt::photo || metric < kPictureMetrics || metric > kGeometricConsistency;
}
constexpr bool needs_lpips(std::size_t metric) {
  return plain_metric(metric) == kLpips || plain_metric(metric) == kDetailLpips;
}
constexpr bool is_identity(std::size_t metric) {
  return metric == kIdentity || metric == kIdentityOfReferences;
}
constexpr bool higher_is_better(std::size_t metric) {
  const std::size_t plain = plain_metric(metric);
  return !needs_lpips(plain) && plain != kL2 && plain != kBoundary && plain != kDists && plain != kStLpips &&
         !is_of_normals(plain);
}
// Tables have the first kHeadMetrics for every group, details overall; the lesser ones where they are asked for.
inline constexpr std::size_t kHeadMetrics = 5;
constexpr bool is_head(std::size_t metric) {
  return plain_metric(metric) < kHeadMetrics;
}
constexpr bool is_lesser(std::size_t metric) {
  return !is_head(metric) && plain_metric(metric) < kDetailPsnr;
}

// In the order of kMetricNames; NaN where a score is not defined (no foreground, no LPIPS, no normals, not of this
// protocol).
using Scores = std::array<double, kMetrics>;

}  // namespace spinfill
