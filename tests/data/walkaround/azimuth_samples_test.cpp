// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/azimuth_samples.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include <map>

#include "data/open_data_set.h"
#include "data/pictures/backdrop.h"
#include "data/walkaround/azimuth_window.h"
#include "geometry/angles.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// Its middle column, straight ahead, is red; what lies to the left of it green.
cv::Mat place() {
  cv::Mat radiance(64, 128, CV_32FC3, cv::Scalar::all(0.2));
  radiance(cv::Rect(56, 0, 16, 64)).setTo(cv::Scalar(1, 0, 0));
  radiance(cv::Rect(24, 0, 16, 64)).setTo(cv::Scalar(0, 1, 0));
  return radiance;
}

TEST(Backdrop, LooksWhereItIsTurned) {
  BackdropView view;
  cv::Vec3b middle = backdrop(place(), view, {60, 40}).at<cv::Vec3b>(20, 30);
  EXPECT_GT(middle[0], 2 * middle[1]);
  view.yaw_deg = 90;  // to the left
  middle = backdrop(place(), view, {60, 40}).at<cv::Vec3b>(20, 30);
  EXPECT_GT(middle[1], 2 * middle[0]);
}

TEST(Backdrop, AVehicleStandsBeforeIt) {
  cv::Mat rgba(2, 2, CV_8UC4, cv::Scalar(200, 100, 0, 255));
  rgba.at<cv::Vec4b>(0, 0)[3] = 0;
  rgba.at<cv::Vec4b>(0, 1)[3] = 51;
  const cv::Mat seen = over(rgba, cv::Mat(2, 2, CV_8UC3, cv::Scalar(0, 0, 50)));
  EXPECT_EQ(seen.at<cv::Vec3b>(0, 0), cv::Vec3b(0, 0, 50));
  EXPECT_EQ(seen.at<cv::Vec3b>(0, 1), cv::Vec3b(40, 20, 40));
  EXPECT_EQ(seen.at<cv::Vec3b>(1, 1), cv::Vec3b(200, 100, 0));
}

TEST(AzimuthWindow, HoldsTheVehicleWithRoomInTheMiddle) {
  cv::Mat rgb(300, 900, CV_8UC3, cv::Scalar::all(20));
  const cv::Rect box(500, 100, 336, 120);
  rgb(box).setTo(cv::Scalar::all(250));
  rgb(cv::Rect(500, 100, 60, 120)).setTo(cv::Scalar(250, 0, 0));  // red at the left
  const auto bright = [](const cv::Mat& window) {
    cv::Mat red;
    cv::extractChannel(window, red, 0);
    return cv::boundingRect(cv::Mat(red > 180));
  };
  const cv::Mat window = azimuth_window(rgb, box);
  const cv::Rect seen = bright(window);
  EXPECT_NEAR(seen.width, 168 / kAzimuthRoom, 1.5);
  EXPECT_NEAR(seen.x + seen.width / 2.0, 84, 1);
  EXPECT_NEAR(seen.y + seen.height / 2.0, 56, 1);
  EXPECT_EQ(window.at<cv::Vec3b>(56, 14)[1], 0);
  WindowChange mirrored;
  mirrored.mirror = true;
  cv::Mat flipped;
  cv::flip(azimuth_window(rgb, box, mirrored), flipped, 1);
  EXPECT_LE(cv::norm(flipped, window, cv::NORM_L1) / static_cast<double>(window.total()), 3);
}

class AzimuthSamplesTest : public ::testing::Test {
 protected:
  AzimuthSamplesTest() { test::write_tiny_data_set(folder_.path(), 3); }
  AzimuthSamples samples(std::uint64_t seed) { return {open_data_set(folder_.path(), "train"), {place()}, seed}; }
  test::TemporaryFolder folder_;
};

TEST_F(AzimuthSamplesTest, AreAFunctionOfSeedAndNumber) {
  const AzimuthSamples one = samples(1), same = samples(1), other = samples(2);
  double different = 0;
  for (const std::int64_t i : {0, 5, 17}) {
    EXPECT_EQ(cv::norm(one.at(i).window, same.at(i).window, cv::NORM_INF), 0);
    EXPECT_EQ(one.at(i).azimuth_deg, same.at(i).azimuth_deg);
    different += cv::norm(one.at(i).window, other.at(i).window, cv::NORM_INF);
  }
  EXPECT_GT(different, 0);
}

TEST_F(AzimuthSamplesTest, EveryViewComesOnceARoundAndHalfAreMirrored) {
  const AzimuthSamples all = samples(1);
  std::map<double, int> without_side;  // mirrored ones count for −θ
  int mirrored = 0;
  for (std::int64_t i = 0; i < 8 * all.views(); ++i) {
    const AzimuthSample sample = all.at(i);
    ++without_side[std::min(sample.azimuth_deg, wrapped_deg(-sample.azimuth_deg))];
    mirrored += sample.azimuth_deg > 180;
  }
  // Eight views a set: the ends come once a round, each side's views once for each side.
  const int sets = static_cast<int>(all.views()) / 8;
  EXPECT_EQ(without_side, (std::map<double, int>{
                              {0, 8 * sets}, {45, 16 * sets}, {90, 16 * sets}, {135, 16 * sets}, {180, 8 * sets}}));
  EXPECT_GT(mirrored, 0);
}

}  // namespace
}  // namespace spinfill
