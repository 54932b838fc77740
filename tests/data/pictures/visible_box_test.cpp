// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/visible_box.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(VisibleBox, FollowsTheAlpha) {
  cv::Mat picture(160, 240, CV_8UC4, cv::Scalar(0, 0, 0, 0));
  picture(cv::Rect(60, 40, 120, 80)).setTo(cv::Scalar(40, 220, 30, 255));
  const VisibleBox box = visible_box(picture);
  EXPECT_TRUE(box.has_alpha);
  EXPECT_DOUBLE_EQ(box.left, 0.25);
  EXPECT_DOUBLE_EQ(box.bottom, 0.75);
  EXPECT_FALSE(visible_box(cv::Mat(4, 4, CV_8UC4, cv::Scalar(1, 2, 3, 255))).has_alpha);
}

}  // namespace
}  // namespace spinfill
