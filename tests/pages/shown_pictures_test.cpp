// SPDX-License-Identifier: Apache-2.0
#include "pages/shown_pictures.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "metrics/evidence_errors.h"
#include "support/support.h"

namespace spinfill {
namespace {

TEST(ShownPictures, AreCutOnWhiteAndReduced) {
  cv::Mat rgba(40, 100, CV_8UC4, cv::Scalar(200, 0, 0, 0));
  rgba(cv::Rect(20, 10, 60, 20)).setTo(cv::Scalar(0, 0, 200, 255));
  const cv::Mat whole = shown_picture(rgba, {0, 0, 100, 40}, 100);
  EXPECT_EQ(whole.at<cv::Vec3b>(0, 0), cv::Vec3b(255, 255, 255)) << "nothing of a transparent pixel's colour";
  EXPECT_EQ(whole.at<cv::Vec3b>(20, 50), cv::Vec3b(0, 0, 200));
  EXPECT_EQ(shown_picture(rgba, {20, 10, 60, 20}, 30).size(), cv::Size(30, 10));
}

TEST(ShownPictures, ErrorsAreBlackToBright) {
  const cv::Mat a(2, 2, CV_8UC3, cv::Scalar(100, 100, 100)), far(2, 2, CV_8UC3, cv::Scalar(180, 180, 180));
  cv::Mat near = a.clone();
  near.setTo(cv::Scalar(100, 130, 100));
  const auto brightness = [&](const cv::Mat& b) { return cv::sum(error_map(a, b).at<cv::Vec3b>(0, 0))[0]; };
  EXPECT_LT(brightness(a), 20);
  EXPECT_LT(brightness(a), brightness(near));
  EXPECT_GT(brightness(far), 500) << "above a quarter";
  test::expect_error(ExitCode::runtime, {"unlike sizes"}, [&] { error_map(a, far(cv::Rect(0, 0, 1, 1))); });
}

TEST(ShownPictures, EvidenceHasItsColoursAndThePicturesCoverage) {
  const cv::Mat shares = (cv::Mat_<cv::Vec3b>(1, 2) << cv::Vec3b(255, 0, 0), cv::Vec3b(0, 0, 255));
  const cv::Mat rgba = (cv::Mat_<cv::Vec4b>(1, 2) << cv::Vec4b(1, 2, 3, 255), cv::Vec4b(1, 2, 3, 40));
  const cv::Mat map = evidence_map(shares, rgba);
  for (int c = 0; c < 3; ++c) {
    EXPECT_EQ(map.at<cv::Vec4b>(0, 0)[c], kEvidenceColours[0][static_cast<std::size_t>(c)]);
    EXPECT_EQ(map.at<cv::Vec4b>(0, 1)[c], kEvidenceColours[2][static_cast<std::size_t>(c)]);
  }
  EXPECT_EQ(map.at<cv::Vec4b>(0, 1)[3], 40);
}

TEST(ShownPictures, SmallOnesLoseNothing) {
  cv::Mat rgb(64, 96, CV_8UC3);
  cv::randu(rgb, 0, 256);
  const std::string address = picture_address(rgb), head = "data:image/webp;base64,";
  ASSERT_TRUE(address.starts_with(head));
  cv::Mat large(300, 400, CV_8UC3);
  cv::randu(large, 0, 256);
  EXPECT_GT(address.size(), 96U * 64 * 3) << "noise without loss";
  EXPECT_LT(picture_address(large).size(), 400U * 300 * 3);
}

}  // namespace
}  // namespace spinfill
