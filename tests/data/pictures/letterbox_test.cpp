// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/letterbox.h"

#include <cmath>

#include <Eigen/LU>

#include <opencv2/core.hpp>

#include "support/support.h"

namespace spinfill {
namespace {

// A smooth, partly transparent blob.
cv::Mat blob(int width, int height) {
  cv::Mat picture(height, width, CV_32FC4);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = (x + 0.5) / width - 0.5, v = (y + 0.5) / height - 0.5;
      const auto alpha = static_cast<float>(std::exp(-12 * (u * u + v * v)));
      picture.at<cv::Vec4f>(y, x) = cv::Vec4f(0.8F * alpha, static_cast<float>(0.5 + u) * alpha, 0.2F * alpha, alpha);
    }
  }
  return picture;
}

TEST(Letterbox, FitsAndCentres) {
  const Letterbox exact = fit(768, 512, 96, 64);
  EXPECT_EQ(exact.scale, 0.125);
  EXPECT_EQ(exact.offset_x, 0);
  EXPECT_EQ(exact.offset_y, 0);
  const Letterbox bars = fit(768, 384, 96, 64);
  EXPECT_EQ(bars.scale, 0.125);
  EXPECT_EQ(bars.offset_y, 8);
  const Letterbox sides = fit(100, 200, 50, 50);
  EXPECT_EQ(sides.scale, 0.25);
  EXPECT_EQ(sides.offset_x, 12.5);
  EXPECT_TRUE(fit(96, 64, 96, 64).identity());
  test::expect_error(ExitCode::runtime, {"0x4"}, [] { fit(0, 4, 8, 8); });
}

TEST(Letterbox, InverseUndoesTheMap) {
  const Letterbox there = fit(770, 391, 96, 64), back = there.inverse();
  const double x = 123.25, to = there.scale * x + there.offset_x;
  EXPECT_NEAR(back.scale * to + back.offset_x, x, 1e-12);
  EXPECT_EQ(back.to_width, 770);
  EXPECT_EQ(back.to_height, 391);
}

TEST(Letterbox, ShrinkingKeepsTheSumOfEveryChannel) {
  const cv::Mat picture = blob(123, 77);
  const Letterbox letterbox = fit(123, 77, 48, 40);
  const cv::Scalar before = cv::sum(picture), after = cv::sum(resample(picture, letterbox));
  for (int c = 0; c < 4; ++c) {
    EXPECT_NEAR(after[c], before[c] * letterbox.scale * letterbox.scale, 1e-3 * before[c]) << c;
  }
}

TEST(Letterbox, WhatALineCoversIsWhereTheCameraSaysItIs) {
  // The blob's centre of mass moves as the principal point of the adjusted camera.
  Camera camera;
  camera.width = 123;
  camera.height = 77;
  camera.fl_x = camera.fl_y = 100;
  camera.cx = 61.5;
  camera.cy = 38.5;
  const Letterbox letterbox = fit(123, 77, 48, 40);
  const Camera fitted = letterbox.camera(camera);
  EXPECT_EQ(fitted.width, 48);
  EXPECT_NEAR(fitted.fl_x, 100 * letterbox.scale, 1e-12);
  cv::Mat shifted = cv::Mat::zeros(77, 123, CV_32FC4);
  shifted.at<cv::Vec4f>(20, 90) = cv::Vec4f(1, 1, 1, 1);  // centre (90.5, 20.5)
  const cv::Mat small = resample(shifted, letterbox);
  double mass = 0, x_mean = 0, y_mean = 0;
  for (int y = 0; y < small.rows; ++y) {
    for (int x = 0; x < small.cols; ++x) {
      const double alpha = small.at<cv::Vec4f>(y, x)[3];
      mass += alpha;
      x_mean += alpha * (x + 0.5);
      y_mean += alpha * (y + 0.5);
    }
  }
  const auto project = [](const Camera& c, double x, double y) {
    return std::pair(c.cx + c.fl_x * x, c.cy + c.fl_y * y);
  };
  const auto [x, y] = project(fitted, (90.5 - camera.cx) / camera.fl_x, (20.5 - camera.cy) / camera.fl_y);
  EXPECT_NEAR(x_mean / mass, x, 0.25);  // spread over at most two pixels
  EXPECT_NEAR(y_mean / mass, y, 0.25);
  test::expect_error(ExitCode::runtime, {"does not belong"}, [&] { letterbox.camera(fitted); });
}

TEST(Letterbox, ThereAndBackKeepsASmoothPicture) {
  const cv::Mat picture = blob(96, 48);
  const Letterbox there = fit(96, 48, 64, 64);
  const cv::Mat back = resample(resample(picture, there), there.inverse());
  ASSERT_EQ(back.size(), picture.size());
  double worst = 0;
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 96; ++x) {
      for (int c = 0; c < 4; ++c) {
        worst = std::max(worst,
                         std::abs(static_cast<double>(back.at<cv::Vec4f>(y, x)[c]) - picture.at<cv::Vec4f>(y, x)[c]));
      }
    }
  }
  EXPECT_LT(worst, 0.02);
}

TEST(Letterbox, EnlargingKeepsColoursValid) {
  cv::Mat edge = cv::Mat::zeros(8, 8, CV_32FC4);
  for (int y = 0; y < 8; ++y) {
    for (int x = 4; x < 8; ++x) edge.at<cv::Vec4f>(y, x) = cv::Vec4f(1, 0.5F, 0, 1);
  }
  const cv::Mat large = resample(edge, fit(8, 8, 50, 50));
  for (int y = 0; y < 50; ++y) {
    for (int x = 0; x < 50; ++x) {
      const auto& pixel = large.at<cv::Vec4f>(y, x);
      ASSERT_GE(pixel[0], 0);
      ASSERT_LE(pixel[0], pixel[3]);
      ASSERT_LE(pixel[3], 1);
    }
  }
  EXPECT_FLOAT_EQ(large.at<cv::Vec4f>(25, 49)[3], 1);
  EXPECT_FLOAT_EQ(large.at<cv::Vec4f>(25, 0)[3], 0);
}

TEST(Letterbox, TransparentPixelsLendNoColour) {
  // White under alpha 0 beside opaque red: averaging straight colours would turn the edge pink.
  cv::Mat rgba(2, 4, CV_8UC4, cv::Scalar(255, 255, 255, 0));
  for (int y = 0; y < 2; ++y) rgba.at<cv::Vec4b>(y, 0) = cv::Vec4b(255, 0, 0, 255);
  const cv::Mat small = straight(resample(premultiplied(rgba), fit(4, 2, 2, 1)));
  EXPECT_EQ(small.at<cv::Vec4b>(0, 0), cv::Vec4b(255, 0, 0, 128));
  EXPECT_EQ(small.at<cv::Vec4b>(0, 1), cv::Vec4b(0, 0, 0, 0));
}

}  // namespace
}  // namespace spinfill
