// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "data/spins/stabilise.h"

namespace spinfill {

// The visual hull of some views (with sections) as every view sees it, and that view's mask, at `kHullScoreWidth`
// px.
inline constexpr int kHullScoreWidth = 256;
struct HullSilhouettes {
  std::vector<cv::Mat> hull, mask;  // per view: coverage, CV_32F, all of one size
};
// cameras in px of the set's pictures; hull from the views where is_reference holds.
HullSilhouettes hull_silhouettes(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                 const std::vector<bool>& is_reference);

// Intersection over union at half coverage.
double silhouette_overlap(const cv::Mat& a, const cv::Mat& b);

// How well the hull agrees with a view's mask.
struct HullAgreement {
  double as_photographed = 0;  // with the view's camera as it is
  double iou = 0;              // after the scale and shift that fit best: nobody can know how a photograph was framed
};
std::vector<HullAgreement> hull_agreement(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                          const std::vector<bool>& is_reference);

}  // namespace spinfill
