// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/show_hall.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace spinfill {
namespace {

const cv::Rect kBox(60, 40, 80, 40);

cv::Mat vehicle() {
  cv::Mat rgba = cv::Mat::zeros(120, 200, CV_8UC4);
  rgba(kBox).setTo(cv::Scalar(200, 120, 40, 255));
  return rgba;
}

TEST(ShowHall, FloorsLieUnderTheVehicleAndNowhereElse) {
  int coloured = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    Random random(1, i, Stream::test);
    cv::Mat place(120, 200, CV_8UC3, cv::Scalar(90, 90, 90));
    const cv::Mat floor = lay_show_floor(place, vehicle(), kBox, random);
    ASSERT_EQ(floor.size(), place.size());
    EXPECT_GT(floor.at<uchar>(78, 100), 0) << i;
    EXPECT_EQ(cv::countNonZero(floor.rowRange(0, 40)), 0) << i << ": above the vehicle";
    cv::Mat changed, outside;
    cv::absdiff(place, cv::Mat(place.size(), CV_8UC3, cv::Scalar(90, 90, 90)), changed);
    changed.copyTo(outside, floor == 0);
    EXPECT_EQ(cv::norm(outside), 0) << i;
    const auto pixel = place.at<cv::Vec3b>(78, 100);
    coloured += std::abs(pixel[0] - pixel[2]) > 20;
  }
  EXPECT_GT(coloured, 10);
}

TEST(ShowHall, SpotlightsDarkenPaintAndLeaveAlpha) {
  int darker = 0;
  for (std::uint64_t i = 0; i < 20; ++i) {
    Random random(1, i, Stream::test);
    const cv::Mat before = vehicle(), after = under_spotlights(before, random);
    cv::Mat alpha_before, alpha_after;
    cv::extractChannel(before, alpha_before, 3);
    cv::extractChannel(after, alpha_after, 3);
    EXPECT_EQ(cv::norm(alpha_before, alpha_after), 0);
    darker += cv::mean(after, alpha_after)[1] < 110;
  }
  EXPECT_GT(darker, 12);
}

}  // namespace
}  // namespace spinfill
