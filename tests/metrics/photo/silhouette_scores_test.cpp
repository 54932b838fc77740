// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/silhouette_scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "support/support.h"

namespace spinfill {
namespace {

cv::Mat box(const cv::Rect& covered) {
  cv::Mat mask(40, 60, CV_8UC1, cv::Scalar::all(0));
  mask(covered).setTo(255);
  return mask;
}

TEST(SilhouetteScores, OfBoxesAreKnown) {
  const cv::Mat a = box({10, 10, 20, 10}), b = box({15, 10, 20, 10}), none = box({0, 0, 0, 0});
  EXPECT_DOUBLE_EQ(silhouette_iou(a, a), 1);
  EXPECT_DOUBLE_EQ(silhouette_iou(a, b), 15.0 / 25);
  EXPECT_DOUBLE_EQ(silhouette_iou(a, none), 0);
  EXPECT_DOUBLE_EQ(silhouette_iou(none, none), 1);
  EXPECT_DOUBLE_EQ(boundary_error(a, a), 0);
  EXPECT_DOUBLE_EQ(boundary_error(none, none), 0);
  EXPECT_DOUBLE_EQ(boundary_error(a, none), std::hypot(60, 40));
  EXPECT_DOUBLE_EQ(boundary_error(a, b), boundary_error(b, a));

  // One pixel more on every side: all of the inner outline is 1 px away, of the outer one all but the corners.
  const cv::Mat wider = box({9, 9, 22, 12});
  const double outer = 2 * (22 + 12) - 4;
  EXPECT_NEAR(boundary_error(a, wider), (1 + (outer - 4 + 4 * std::sqrt(2.0)) / outer) / 2, 1e-5);

  // The picture's border bounds what is covered there.
  EXPECT_DOUBLE_EQ(boundary_error(box({0, 0, 60, 40}), box({0, 0, 60, 40})), 0);
  cv::Mat soft = a.clone();
  soft.setTo(127, a == 0);  // below one half: not covered
  EXPECT_DOUBLE_EQ(silhouette_iou(soft, a), 1);
  test::expect_error(ExitCode::runtime, {"one size"}, [&] { silhouette_iou(a, a.rowRange(0, 10)); });
}

}  // namespace
}  // namespace spinfill
