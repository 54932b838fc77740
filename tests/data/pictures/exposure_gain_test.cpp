// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/exposure_gain.h"

#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/core.hpp>

namespace spinfill {
namespace {

cv::Mat ramp() {
  cv::Mat out(1, 256, CV_8UC4);
  for (int i = 0; i < 256; ++i) out.at<cv::Vec4b>(0, i) = {uchar(i), uchar(i), uchar(i), uchar(255 - i)};
  return out;
}

TEST(ExposureGain, IsExactInLinearLightAndKeepsBlackWhiteAndAlpha) {
  const StopsGain stops = {1, -1, 0.5};
  const cv::Mat before = ramp(), after = with_gain(before, stops);
  EXPECT_EQ(after.at<cv::Vec4b>(0, 0), cv::Vec4b(0, 0, 0, 255));
  EXPECT_EQ(after.at<cv::Vec4b>(0, 255), cv::Vec4b(255, 255, 255, 0));
  for (int i = 0; i < 256; ++i) {
    const auto& pixel = after.at<cv::Vec4b>(0, i);
    EXPECT_EQ(pixel[3], 255 - i);
    const double light = linear_of_srgb(i / 255.0);
    for (int c = 0; c < 3; ++c) {
      const double gain = std::exp2(stops[static_cast<std::size_t>(c)]);
      if (light * std::max(gain, 1.0) < 0.8) {
        EXPECT_NEAR(pixel[c], 255 * srgb_of_linear(gain * light), 0.51) << i;
      }
      if (i > 0) {
        EXPECT_GE(pixel[c], after.at<cv::Vec4b>(0, i - 1)[c]) << "brighter stays brighter";
      }
    }
  }
  EXPECT_LT(after.at<cv::Vec4b>(0, 254)[0], 256);
  EXPECT_GT(after.at<cv::Vec4b>(0, 252)[0], after.at<cv::Vec4b>(0, 200)[0]) << "highlights are bent, not clipped";
}

TEST(ExposureGain, NoGainChangesNoByte) {
  const cv::Mat before = ramp(), after = with_gain(before, kNoGain);
  EXPECT_EQ(cv::norm(before, after, cv::NORM_INF), 0);
}

TEST(ExposureGain, TheCurveIsItsOwnInverse) {
  for (int i = 0; i <= 255; ++i) EXPECT_NEAR(srgb_of_linear(linear_of_srgb(i / 255.0)), i / 255.0, 1e-6);
}

}  // namespace
}  // namespace spinfill
