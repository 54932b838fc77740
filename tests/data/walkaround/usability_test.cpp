// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/usability.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

namespace spinfill {
namespace {

// A body with panels, wheels and windows on a plain ground; the mask is known.
MaskedPhotograph drawn(double scale = 1) {
  const cv::Size size(static_cast<int>(900 * scale), static_cast<int>(600 * scale));
  cv::Mat rgb(size, CV_8UC3, cv::Scalar(90, 140, 90)), alpha(size, CV_8U, cv::Scalar(0));
  const auto at = [&](int x, int y, int w, int h) {
    return cv::Rect(static_cast<int>(x * scale), static_cast<int>(y * scale), static_cast<int>(w * scale),
                    static_cast<int>(h * scale));
  };
  const auto put = [&](const cv::Rect& where, const cv::Scalar& colour) {
    rgb(where).setTo(colour);
    alpha(where).setTo(255);
  };
  put(at(150, 260, 600, 160), {170, 40, 40});
  put(at(280, 160, 320, 110), {40, 50, 60});
  for (int x = 190; x < 740; x += 40) put(at(x, 270, 3, 140), {230, 120, 110});
  for (int x = 300; x < 600; x += 60) put(at(x, 165, 6, 95), {200, 200, 210});
  put(at(220, 400, 110, 60), {30, 30, 30});
  put(at(580, 400, 110, 60), {30, 30, 30});
  return {"a.jpg", rgb, given_mask(alpha)};
}

Trouble trouble_of(const MaskedPhotograph& one) {
  const Usability found = usability(one);
  EXPECT_EQ(found.what.empty(), found.trouble == Trouble::none);
  EXPECT_EQ(found.verdict == PhotographVerdict::ok, found.trouble == Trouble::none);
  return found.trouble;
}

MaskedPhotograph masked(const cv::Mat& alpha) {
  return {"a.jpg", cv::Mat(alpha.size(), CV_8UC3, cv::Scalar(150, 60, 60)), given_mask(alpha)};
}

TEST(Usability, AGoodPhotographIsGoodAtAnySize) {
  for (const double scale : {0.4, 1.0, 3.0}) EXPECT_EQ(trouble_of(drawn(scale)), Trouble::none) << scale;
}

TEST(Usability, BlurIsToldWhateverTheSize) {
  for (const double scale : {0.4, 1.0, 3.0}) {
    MaskedPhotograph one = drawn(scale);
    const double sharp = blur_of(one.rgb, one.mask);
    cv::GaussianBlur(one.rgb, one.rgb, {}, 12 * scale);
    EXPECT_GT(blur_of(one.rgb, one.mask), sharp + 0.2) << scale;
    EXPECT_EQ(trouble_of(one), Trouble::blurred) << scale;
    EXPECT_EQ(usability(one).verdict, PhotographVerdict::retake);
  }
  MaskedPhotograph shaken = drawn();
  cv::blur(shaken.rgb, shaken.rgb, {61, 1});
  EXPECT_EQ(trouble_of(shaken), Trouble::blurred);
}

TEST(Usability, LightIsToldOfTheVehicleAlone) {
  MaskedPhotograph dark = drawn();
  dark.rgb /= 5;
  EXPECT_EQ(trouble_of(dark), Trouble::too_dark);
  MaskedPhotograph bright = drawn();
  bright.rgb = bright.rgb * 2 + cv::Scalar::all(180);
  EXPECT_EQ(trouble_of(bright), Trouble::over_exposed);
  // A white ground is none of the vehicle's, nor is a black one.
  for (const int ground : {0, 255}) {
    MaskedPhotograph one = drawn();
    one.rgb.setTo(cv::Scalar::all(ground), one.mask.alpha == 0);
    EXPECT_EQ(trouble_of(one), Trouble::none) << ground;
  }
}

TEST(Usability, MasksThatAreNoVehiclesAreIgnored) {
  const auto expect_ignored = [](const cv::Mat& alpha, Trouble trouble) {
    const Usability found = usability(masked(alpha));
    EXPECT_EQ(found.verdict, PhotographVerdict::ignored);
    EXPECT_EQ(found.trouble, trouble) << found.what;
  };
  cv::Mat alpha = cv::Mat::zeros(400, 600, CV_8U);
  expect_ignored(alpha, Trouble::no_vehicle);
  alpha(cv::Rect(300, 200, 30, 20)).setTo(255);
  expect_ignored(alpha, Trouble::too_far);
  alpha.setTo(255);
  alpha(cv::Rect(0, 0, 8, 8)).setTo(0);
  expect_ignored(alpha, Trouble::too_near);
  alpha.setTo(0);  // a post
  alpha(cv::Rect(280, 100, 50, 220)).setTo(255);
  expect_ignored(alpha, Trouble::no_vehicle);
  alpha.setTo(0);  // a frame, as of a window
  cv::rectangle(alpha, cv::Rect(100, 80, 400, 240), cv::Scalar(255), 12);
  expect_ignored(alpha, Trouble::no_vehicle);
  alpha.setTo(0);  // an arm that reaches out
  cv::line(alpha, {100, 100}, {500, 300}, cv::Scalar(255), 20);
  expect_ignored(alpha, Trouble::no_vehicle);
}

TEST(Usability, WhatIsCutOffIsTakenAgain) {
  cv::Mat alpha = cv::Mat::zeros(400, 600, CV_8U);
  alpha(cv::Rect(0, 150, 400, 180)).setTo(255);
  EXPECT_EQ(mask_usability(given_mask(alpha)).trouble, Trouble::cut_off);
  EXPECT_EQ(mask_usability(given_mask(alpha)).verdict, PhotographVerdict::retake);
  VehicleMask two = drawn().mask;
  two.others = 0.9;
  EXPECT_EQ(mask_usability(two).trouble, Trouble::several);
}

}  // namespace
}  // namespace spinfill
