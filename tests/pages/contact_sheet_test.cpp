// SPDX-License-Identifier: Apache-2.0
#include "pages/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pages/example_spin.h"

namespace spinfill {
namespace {

TEST(ContactSheet, ShowsEveryViewAndMarksTheGenerated) {
  const cv::Mat sheet = contact_sheet(test::example_spin().frames, 240);
  ASSERT_EQ(sheet.type(), CV_8UC3);
  const int gap = 6, caption = 20;
  for (int view = 0; view < 8; ++view) {
    const int x = gap + view % 4 * (240 + gap), y = gap + view / 4 * (160 + caption + gap);
    const auto middle = sheet.at<cv::Vec3b>(y + 80, x + 120);
    const auto corner = sheet.at<cv::Vec3b>(y + 5, x + 5);
    const auto mark = sheet.at<cv::Vec3b>(y + 160, x + 120);
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(middle[c], test::spin_colour(view)[c], 1) << view;
    EXPECT_EQ(corner, cv::Vec3b(255, 255, 255));
    EXPECT_EQ(mark, view == 3 || view == 6 ? cv::Vec3b(180, 83, 9) : cv::Vec3b(75, 82, 94)) << view;
  }
}

// A front that was taken from just before 360 degrees begins the spin of primary views; it does not end it.
TEST(ContactSheet, BeginsWithWhatGoesFirst) {
  std::vector<SpinFrame> frames = test::example_spin().frames;
  std::ranges::find(frames, 0, &SpinFrame::azimuth_deg)->azimuth_deg = 358;
  EXPECT_EQ(by_azimuth(frames).back()->azimuth_deg, 358);
  std::ranges::find(frames, 358, &SpinFrame::azimuth_deg)->first = true;
  EXPECT_EQ(by_azimuth(frames).front()->azimuth_deg, 358);
  EXPECT_EQ(by_azimuth(frames).back()->azimuth_deg, 315);
}

}  // namespace
}  // namespace spinfill
