// SPDX-License-Identifier: Apache-2.0
#include "data/photo/mirror_view.h"

#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "support/tiny_set.h"

namespace spinfill {
namespace {

constexpr Turntable kStand{8, 3.4, 2.9};

TEST(MirrorView, IsThePhotographWhoseMirroredRaysCoincide) {
  std::vector<Frame> frames(3);
  const cv::Mat picture(160, 240, CV_8UC4, cv::Scalar::all(0));
  std::vector<PhotoView> views;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].camera = turntable_camera(kStand, std::vector<double>{90, 310, 180}[i], 240, 160);
    views.push_back({&frames[i], &picture});
  }
  const auto of = [&](double azimuth) {
    return mirror_view_of(views, views.size(), turntable_camera(kStand, azimuth, 240, 160));
  };
  ASSERT_TRUE(of(50));
  EXPECT_EQ(of(50)->photograph, 1U);
  EXPECT_NEAR(of(50)->share, 1, 1e-6);
  EXPECT_NEAR(of(43)->share, std::exp(-1), 0.02);
  EXPECT_FALSE(of(25));
  // Beside a photograph of its own side it is not needed: 90° and 270° are given and mirrored.
  EXPECT_FALSE(of(90));
  EXPECT_FALSE(of(180));
  EXPECT_GT(of(270)->share, 0.99);
}

TEST(MirrorView, IsTheOtherSidesPictureWhereverTheSurfaceLies) {
  const Camera camera = turntable_camera(kStand, 45, 240, 160), other = turntable_camera(kStand, 315, 240, 160);
  const MirrorView mirror{0, mirrored(other), 1};
  const cv::Mat rgba = test::render_tiny_vehicle(other, 1), truth = test::render_tiny_vehicle(camera, 1);
  cv::Mat distance(160, 240, CV_32F, cv::Scalar::all(0));
  distance(cv::Rect(100, 60, 30, 30)).setTo(2.9);  // little of it, and too near
  const MirroredPicture shown = mirrored_picture(mirror, rgba, camera, distance);
  cv::Mat alpha;
  cv::extractChannel(truth, alpha, 3);
  alpha.convertTo(alpha, CV_32F, 1 / 255.0);
  EXPECT_LT(cv::norm(shown.coverage, alpha, cv::NORM_L1) / static_cast<double>(alpha.total()), 0.002);
  const cv::Rect2d box = mirrored_box(mirror, rgba, camera), expected = cv::boundingRect(alpha > 0.5);
  EXPECT_LT(std::abs(box.x - expected.x) + std::abs(box.br().x - expected.br().x), 1e-3);
  EXPECT_TRUE(mirrored_box(mirror, cv::Mat(160, 240, CV_8UC4, cv::Scalar::all(0)), camera).empty());
}

TEST(MirrorView, AnOutlineBetweenTwoIsSharp) {
  cv::Mat small(60, 60, CV_32F, cv::Scalar::all(0)), large = small.clone();
  cv::circle(small, {30, 30}, 12, cv::Scalar::all(1), cv::FILLED);
  cv::circle(large, {30, 30}, 20, cv::Scalar::all(1), cv::FILLED);
  const cv::Mat between = outline_between(small, large, 0.5);
  EXPECT_NEAR(cv::sum(between)[0], std::acos(-1) * 16 * 16, 20);
  EXPECT_LT(cv::countNonZero((between > 0.1) & (between < 0.9)), 220);
  EXPECT_LT(cv::norm(outline_between(small, large, 0), small, cv::NORM_INF), 0.51);
  EXPECT_GT(cv::sum(outline_between(small, cv::Mat::zeros(60, 60, CV_32F), 1))[0], -1);
}

}  // namespace
}  // namespace spinfill
