// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/silhouette_scores.h"

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"

namespace spinfill {
namespace {

void require_masks(const cv::Mat& a, const cv::Mat& b) {
  if (a.type() != CV_8UC1 || b.type() != CV_8UC1 || a.size() != b.size())
    fail("silhouettes: needs two 8-bit masks of one size");
}

// Covered pixels with one beside them (of four) that is not; what lies beyond the picture is not covered.
cv::Mat outline(const cv::Mat& mask) {
  const cv::Mat covered = mask >= 128;
  cv::Mat inside;
  const cv::Mat cross = cv::getStructuringElement(cv::MORPH_CROSS, {3, 3});
  cv::erode(covered, inside, cross, {-1, -1}, 1, cv::BORDER_CONSTANT, cv::Scalar::all(0));
  return covered & ~inside;
}

double mean_distance(const cv::Mat& from, const cv::Mat& to) {
  cv::Mat distance;
  cv::distanceTransform(~to, distance, cv::DIST_L2, cv::DIST_MASK_PRECISE);
  return cv::mean(distance, from)[0];
}

}  // namespace

double silhouette_iou(const cv::Mat& a, const cv::Mat& b) {
  require_masks(a, b);
  const cv::Mat in_a = a >= 128, in_b = b >= 128;
  const int both = cv::countNonZero(in_a & in_b), either = cv::countNonZero(in_a | in_b);
  return either == 0 ? 1 : static_cast<double>(both) / either;
}

double boundary_error(const cv::Mat& a, const cv::Mat& b) {
  require_masks(a, b);
  const cv::Mat of_a = outline(a), of_b = outline(b);
  const bool some_a = cv::countNonZero(of_a) > 0, some_b = cv::countNonZero(of_b) > 0;
  if (!some_a && !some_b) return 0;
  if (!some_a || !some_b) return std::hypot(a.cols, a.rows);
  return (mean_distance(of_a, of_b) + mean_distance(of_b, of_a)) / 2;
}

}  // namespace spinfill
