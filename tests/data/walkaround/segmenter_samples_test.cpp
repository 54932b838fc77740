// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/segmenter_samples.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/walkaround/standing_vehicle.h"
#include "data/walkaround/vehicle_mask.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

double largest_difference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF);
}

cv::Mat plain_place() {
  return {32, 64, CV_32FC3, cv::Scalar::all(0.2)};
}

class SegmenterSamplesTest : public ::testing::Test {
 protected:
  SegmenterSamplesTest() { test::write_tiny_data_set(folder_.path(), 3, {.width = 96, .height = 64}); }
  SegmenterSamples samples(std::uint64_t seed, const cv::Mat& place = plain_place()) const {
    return {open_data_set(folder_.path(), "train"), {place}, seed, 64};
  }
  // Every vehicle of another colour, its coverage as it was.
  void repaint() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() != ".png") continue;
      cv::Mat rgba = read_picture(entry.path());
      for (int y = 0; y < rgba.rows; ++y)
        for (int x = 0; x < rgba.cols; ++x)
          for (int c = 0; c < 3; ++c)
            rgba.at<cv::Vec4b>(y, x)[c] = static_cast<uchar>(255 - rgba.at<cv::Vec4b>(y, x)[c]);
      write_png(entry.path(), rgba);
    }
  }
  test::TemporaryFolder folder_;
};

TEST_F(SegmenterSamplesTest, AreAFunctionOfSeedAndNumber) {
  const SegmenterSamples one = samples(1), same = samples(1), other = samples(2);
  double different = 0;
  for (const std::int64_t i : {0, 5, 17, 40}) {
    const SegmenterSample sample = one.at(i);
    EXPECT_EQ(sample.rgb.size(), cv::Size(64, 64));
    EXPECT_EQ(sample.truth.size(), cv::Size(64, 64));
    const cv::Size drawn = one.sharp(i).rgb.size();
    EXPECT_GE(std::max(drawn.width, drawn.height), 64);
    EXPECT_LE(std::max(drawn.width, drawn.height), 96);
    EXPECT_EQ(largest_difference(sample.rgb, same.at(i).rgb), 0);
    EXPECT_EQ(largest_difference(sample.truth, same.at(i).truth), 0);
    different += largest_difference(sample.rgb, other.at(i).rgb);
  }
  EXPECT_GT(different, 0);
}

// Two paints, then two places, under the same draws: the paint shows in the truth alone, the place outside of it.
TEST_F(SegmenterSamplesTest, TheTruthIsExactlyTheCoverage) {
  const SegmenterSamples painted = samples(3);
  repaint();
  const SegmenterSamples repainted = samples(3);
  int without_others = 0, soft = 0;
  constexpr int kCount = 60;
  for (std::int64_t i = 0; i < kCount; ++i) {
    const SegmenterSample one = painted.sharp(i), other = repainted.sharp(i);
    ASSERT_EQ(largest_difference(one.truth, other.truth), 0);
    EXPECT_EQ(largest_difference(seen_by_segmenter(one.truth, 64), painted.at(i).truth), 0);
    bool beside = false;
    for (int y = 0; y < one.truth.rows; ++y) {
      for (int x = 0; x < one.truth.cols; ++x) {
        const int truth = one.truth.at<uchar>(y, x);
        soft += truth > 0 && truth < 255;
        if (truth == 0) beside = beside || one.rgb.at<cv::Vec3b>(y, x) != other.rgb.at<cv::Vec3b>(y, x);
      }
    }
    without_others += !beside;
  }
  // Paint is seen beside the truth only where there are other vehicles or a mirror image.
  EXPECT_GT(without_others, kCount / 4);
  EXPECT_LT(without_others, kCount);
  EXPECT_GT(soft, 100);
}

// But through its windows, in its upper half.
TEST_F(SegmenterSamplesTest, ThePlaceShowsThroughTheWindowsAlone) {
  cv::Mat stripes(32, 64, CV_32FC3, cv::Scalar::all(0.01));
  for (int x = 0; x < 64; x += 2) stripes.col(x).setTo(cv::Scalar::all(2));
  const SegmenterSamples plain = samples(3), striped = samples(3, stripes);
  int seen = 0, through = 0;
  for (std::int64_t i = 0; i < 60; ++i) {
    const SegmenterSample one = plain.sharp(i), other = striped.sharp(i);
    const cv::Rect box = cv::boundingRect(cv::Mat(one.truth >= kSeenAlpha));
    for (int y = 0; y < one.truth.rows; ++y) {
      for (int x = 0; x < one.truth.cols; ++x) {
        const int left = 255 - one.truth.at<uchar>(y, x);
        for (int c = 0; c < 3; ++c) {
          const int apart = std::abs(one.rgb.at<cv::Vec3b>(y, x)[c] - other.rgb.at<cv::Vec3b>(y, x)[c]);
          through += apart > left + 20;
          if (y > box.y + 0.6 * box.height) ASSERT_LE(apart, left + 1) << i;
          seen += apart > 20;
        }
      }
    }
  }
  EXPECT_GT(seen, 10000);
  EXPECT_GT(through, 100);
}

TEST_F(SegmenterSamplesTest, SomeAreCutByTheBorderAndSomeHaveNoVehicle) {
  const SegmenterSamples all = samples(1);
  int empty = 0, cut = 0, whole = 0;
  for (std::int64_t i = 0; i < 300; ++i) {
    const cv::Mat seen = all.sharp(i).truth >= 128;
    if (cv::countNonZero(seen) == 0) {
      ++empty;
      continue;
    }
    const int touched = cv::countNonZero(seen.col(0)) + cv::countNonZero(seen.col(seen.cols - 1)) +
                        cv::countNonZero(seen.row(seen.rows - 1));
    ++(touched > 4 ? cut : whole);
  }
  EXPECT_GT(empty, 5);
  EXPECT_LT(empty, 40);
  EXPECT_GT(cut, 15);
  EXPECT_GT(whole, 200);
}

TEST(StandingVehicle, StandsWhereItIsToldTo) {
  VehicleView view{cv::Mat(40, 80, CV_8UC4, cv::Scalar(0, 0, 0, 0)), 0};
  view.rgba(cv::Rect(10, 10, 60, 20)).setTo(cv::Scalar(200, 100, 50, 255));
  view.rgba(cv::Rect(10, 10, 10, 20)).setTo(cv::Scalar(0, 255, 0, 255));  // its left end
  VehicleStand stand{120, 40, 100, 50};
  stand.mirror = true;
  const StandingVehicle vehicle = stood(view, stand, {200, 100});
  EXPECT_NEAR(vehicle.box.x, 40, 1);
  EXPECT_NEAR(vehicle.box.y, 30, 1);
  EXPECT_NEAR(vehicle.box.width, 120, 2);
  EXPECT_NEAR(vehicle.box.height, 40, 2);
  EXPECT_NEAR(vehicle.area(), 4800, 100);
  EXPECT_EQ(vehicle.rgb.at<cv::Vec3b>(50, 150), cv::Vec3b(0, 255, 0));
  EXPECT_EQ(vehicle.rgb.at<cv::Vec3b>(50, 60), cv::Vec3b(200, 100, 50));
  EXPECT_NEAR(stood(view, {15, 5, 100, 50}, {200, 100}).area(), 75, 8);
}

}  // namespace
}  // namespace spinfill
