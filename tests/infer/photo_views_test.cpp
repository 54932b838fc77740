// SPDX-License-Identifier: Apache-2.0
#include "infer/photo_views.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace spinfill {
namespace {

constexpr int kSide = 16;

// A window in the middle of a picture, its hull everywhere, red.
PhotoWarp red_warp(float trust) {
  PhotoWarp warp;
  warp.window = cv::Rect(4, 4, 8, 8);
  warp.colour = cv::Mat(8, 8, CV_32FC3, cv::Scalar(1, 0, 0));
  warp.alpha = cv::Mat(8, 8, CV_32FC1, cv::Scalar(1));
  warp.trust = cv::Mat(8, 8, CV_32FC1, cv::Scalar(trust));
  warp.mirrored = cv::Mat(8, 8, CV_32FC1, cv::Scalar(0.25));
  return warp;
}
cv::Mat blue(int matte) {
  return cv::Mat(kSide, kSide, CV_8UC4, cv::Scalar(0, 0, 255, matte));
}
cv::Vec4b middle(const cv::Mat& picture) {
  return picture.at<cv::Vec4b>(8, 8);
}

TEST(PhotoDetail, WhatWasSeenIsThePhotographs) {
  const cv::Mat out = with_photo_detail(blue(255), red_warp(1)).picture;
  EXPECT_EQ(middle(out), cv::Vec4b(255, 0, 0, 255));
  EXPECT_EQ(out.at<cv::Vec4b>(2, 2)[3], 0) << "outside of the hull";
}

TEST(PhotoDetail, WhatNobodySawIsTheModels) {
  EXPECT_EQ(middle(with_photo_detail(blue(255), red_warp(0)).picture), cv::Vec4b(0, 0, 255, 255));
  const cv::Vec4b half = middle(with_photo_detail(blue(255), red_warp(0.5F)).picture);
  EXPECT_NEAR(half[0], 128, 1);
  EXPECT_NEAR(half[2], 128, 1);
}

TEST(PhotoDetail, WhatNobodySawIsTheAnchorsWhereTheyShowIt) {
  const auto made = [](float seen, float by_anchors) {
    PhotoWarp warp = red_warp(seen);
    warp.generated_colour = cv::Mat(8, 8, CV_32FC3, cv::Scalar(0, 1, 0));
    warp.generated_trust = cv::Mat(8, 8, CV_32FC1, cv::Scalar(by_anchors));
    return with_photo_detail(blue(255), warp);
  };
  EXPECT_EQ(middle(made(0, 1).picture), cv::Vec4b(0, 255, 0, 255));
  EXPECT_EQ(middle(made(0, 0).picture), cv::Vec4b(0, 0, 255, 255));
  EXPECT_EQ(middle(made(1, 1).picture), cv::Vec4b(255, 0, 0, 255)) << "a photograph's pixels come first";
  const cv::Vec4b half = middle(made(0, 0.5F).picture);
  EXPECT_NEAR(half[1], 128, 1);
  EXPECT_NEAR(half[2], 128, 1);
  EXPECT_EQ(made(0, 1).evidence.invented, 1) << "it is invented all the same";
}

TEST(PhotoDetail, TheModelTakesAwayWhatIsClearlyOutside) {
  EXPECT_EQ(middle(with_photo_detail(blue(20), red_warp(1)).picture)[3], 0);
  EXPECT_EQ(middle(with_photo_detail(blue(110), red_warp(1)).picture)[3], 255) << "the soft edge of the matte";
  PhotoWarp thin = red_warp(1);
  thin.alpha.setTo(0.25);
  EXPECT_NEAR(middle(with_photo_detail(blue(255), thin).picture)[3], 64, 1) << "and adds nothing";
}

TEST(PhotoDetail, AWindowMayReachBeyondThePicture) {
  PhotoWarp warp = red_warp(1);
  warp.window = cv::Rect(-4, 12, 8, 8);
  const cv::Mat out = with_photo_detail(blue(255), warp).picture;
  EXPECT_EQ(out.at<cv::Vec4b>(13, 1), cv::Vec4b(255, 0, 0, 255));
  EXPECT_EQ(out.at<cv::Vec4b>(13, 5)[3], 0);
  warp.window = cv::Rect(40, 40, 8, 8);
  EXPECT_EQ(cv::countNonZero(with_photo_detail(blue(255), warp).picture.reshape(1)), 0);
}

TEST(PhotoDetail, SaysWherePixelsAreFrom) {
  PhotoWarp warp = red_warp(1);
  warp.trust(cv::Rect(0, 0, 8, 4)).setTo(0);  // the upper half was seen by nobody
  warp.alpha(cv::Rect(0, 0, 4, 4)).setTo(0);  // half of which is not covered
  const Evidence evidence = with_photo_detail(blue(255), warp).evidence;
  EXPECT_NEAR(evidence.seen, 0.75 * 32 / 48, 1e-6);
  EXPECT_NEAR(evidence.mirrored, 0.25 * 32 / 48, 1e-6);
  EXPECT_NEAR(evidence.invented, 16.0 / 48, 1e-6);
  const auto& [seen, mirrored, invented] = kEvidenceColours;
  const auto top = evidence.map.at<cv::Vec4b>(5, 10), bottom = evidence.map.at<cv::Vec4b>(10, 10);
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(top[c], invented[static_cast<std::size_t>(c)], 1);
    EXPECT_NEAR(bottom[c], 0.75 * seen[static_cast<std::size_t>(c)] + 0.25 * mirrored[static_cast<std::size_t>(c)], 1);
  }
  EXPECT_EQ(evidence.map.at<cv::Vec4b>(5, 5)[3], 0);
  EXPECT_EQ(evidence.shares.at<cv::Vec3b>(5, 10), cv::Vec3b(0, 0, 255));
  EXPECT_EQ(evidence.shares.at<cv::Vec3b>(10, 10), cv::Vec3b(191, 64, 0));
  EXPECT_EQ(evidence.shares.at<cv::Vec3b>(1, 1), cv::Vec3b(0, 0, 0)) << "outside the window";
  warp.lettered = cv::Mat(warp.alpha.size(), CV_32F, cv::Scalar(0.5));  // half of what is mirrored is lettering
  const Evidence reversed = with_photo_detail(blue(255), warp).evidence;
  EXPECT_NEAR(reversed.mirrored, 0.5 * evidence.mirrored, 1e-6);
  EXPECT_NEAR(reversed.invented, evidence.invented + 0.5 * evidence.mirrored, 1e-6);
  EXPECT_EQ(with_photo_detail(blue(255), warp).picture.at<cv::Vec4b>(10, 10), cv::Vec4b(255, 0, 0, 255));
  warp.window = cv::Rect(40, 40, 8, 8);
  warp.alpha.setTo(0);
  EXPECT_EQ(with_photo_detail(blue(255), warp).evidence.invented, 0) << "nothing is covered";
}

TEST(PhotoDetail, IsForPhotographsLargerThanTheModelsPictures) {
  const auto more = [](int width, int height) {
    ViewSet set;
    set.width = width;
    set.height = height;
    return shows_more(whole_framing(set, {}));  // 96×64
  };
  EXPECT_FALSE(more(96, 64));
  EXPECT_FALSE(more(48, 32));
  EXPECT_TRUE(more(192, 128));
  EXPECT_TRUE(more(768, 512));
  EXPECT_TRUE(more(96, 200)) << "fitted by its height";
}

}  // namespace
}  // namespace spinfill
