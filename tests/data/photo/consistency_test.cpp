// SPDX-License-Identifier: Apache-2.0
#include "data/photo/consistency.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <opencv2/core.hpp>

#include "data/sets/view_camera.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// Eight photographs of a tiny vehicle, and true views of it every 15 degrees.
class ConsistencyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    given_ = test::write_tiny_set(folder_ / "set", {.width = 240, .height = 160});
    for (const Frame& frame : given_.frames)
      pictures_[static_cast<std::size_t>(frame.slot())] = read_masked_picture(given_, frame);
    for (int azimuth = 0; azimuth < 360; azimuth += 15) {
      Frame view;
      view.azimuth_deg = azimuth;
      view.camera = camera_between(given_, azimuth, {});
      views_.push_back(view);
      made_.push_back(test::render_tiny_vehicle(*view.camera, 1));
    }
  }
  Consistency compare() const {
    return cross_view_consistency(given_, pictures_, views_, [&](std::size_t i) { return made_[i]; });
  }
  test::TemporaryFolder folder_;
  ViewSet given_;
  SlotPictures pictures_;
  std::vector<Frame> views_;
  std::vector<cv::Mat> made_;
};

TEST_F(ConsistencyTest, TrueViewsAgree) {
  const Consistency found = compare();
  ASSERT_EQ(found.pairs.size(), 24U);
  for (const PairConsistency& pair : found.pairs) {
    EXPECT_GT(pair.pixels, 2000) << pair.from_deg;
    EXPECT_LT(pair.difference, 0.06) << pair.from_deg;
  }
  EXPECT_EQ(found.pairs.back().to_deg, 0);
  EXPECT_GT(found.all().psnr_db(), 25);
}

// Points on the hull's surface, seen from all sides, with the views' colours: in any reader of PLY.
TEST_F(ConsistencyTest, TheSurfaceIsAPointCloud) {
  PointCloud cloud(0.01);
  const Consistency found = cross_view_consistency(
      given_, pictures_, views_, [&](std::size_t i) { return made_[i]; }, {}, &cloud);
  EXPECT_EQ(to_json(found), to_json(compare()));
  EXPECT_GT(cloud.size(), 2000u);
  const std::string ply = cloud.ply();
  const std::size_t header = ply.find("end_header\n") + 11;
  EXPECT_NE(ply.find("element vertex " + std::to_string(cloud.size()) + "\n"), std::string::npos);
  ASSERT_EQ(ply.size(), header + 27 * cloud.size());
  float low[3] = {9, 9, 9}, high[3] = {-9, -9, -9};
  for (std::size_t i = 0; i < cloud.size(); ++i) {
    float values[6];
    std::memcpy(values, ply.data() + header + 27 * i, sizeof values);
    EXPECT_NEAR(std::hypot(values[3], values[4], values[5]), 1, 1e-4);
    for (int k = 0; k < 3; ++k) {
      low[k] = std::min(low[k], values[k]);
      high[k] = std::max(high[k], values[k]);
    }
  }
  // A vehicle is about a length long, narrower, and stands on the ground.
  EXPECT_NEAR(high[0] - low[0], 1, 0.15);
  EXPECT_LT(high[1] - low[1], 0.8F * (high[0] - low[0]));
  EXPECT_GT(high[2], low[2] + 0.1F);
}

TEST(PointCloudTest, MeansOfCells) {
  PointCloud cloud(0.5);
  cloud.add(at::tensor({0.1F, 0.1F, 0.1F, 0.3F, 0.1F, 0.1F, -0.1F, 0.F, 0.F}).view({3, 3}),
            at::tensor({1.F, 0.F, 0.F, 0.F, 1.F, 0.F, 0.F, 0.F, 1.F}).view({3, 3}),
            at::tensor({0.F, 0.F, 0.F, 1.F, 0.5F, 0.F, 1.F, 1.F, 1.F}).view({3, 3}));
  ASSERT_EQ(cloud.size(), 2u);
  const std::string ply = cloud.ply();
  const char* first = ply.data() + ply.find("end_header\n") + 11;
  float values[6];
  std::memcpy(values, first, sizeof values);
  EXPECT_FLOAT_EQ(values[0], -0.1F);
  EXPECT_FLOAT_EQ(values[5], 1);
  std::memcpy(values, first + 27, sizeof values);
  EXPECT_FLOAT_EQ(values[0], 0.2F);
  EXPECT_NEAR(values[3], std::sqrt(0.5), 1e-6);
  const auto* colour = reinterpret_cast<const unsigned char*>(first + 27 + 24);
  EXPECT_EQ(colour[0], 128);
  EXPECT_EQ(colour[1], 64);
  EXPECT_EQ(colour[2], 0);
}

TEST_F(ConsistencyTest, OneViewThatDisagreesIsNamed) {
  const double before = compare().all().difference;
  const cv::Mat right = made_[7];
  made_[7] = test::render_tiny_vehicle(*views_[7].camera, 77);  // of another paint
  const Consistency repainted = compare();
  EXPECT_GT(repainted.all().difference, 1.5 * before);
  EXPECT_TRUE(repainted.worst()->from_deg == 105 || repainted.worst()->to_deg == 105);
  EXPECT_LT(repainted.worst()->psnr_db(), repainted.all().psnr_db() - 5);

  made_[7] = right;
  made_[7] = test::render_tiny_vehicle(camera_between(given_, 112, {}), 1);  // seen from 7 degrees beside where it says
  EXPECT_GT(compare().all().difference, 1.1 * before);
}

TEST_F(ConsistencyTest, CountsOnlyWhatBothCover) {
  made_[7].setTo(0);
  const Consistency found = compare();
  EXPECT_EQ(found.pairs[6].pixels, 0);
  EXPECT_EQ(found.pairs[7].pixels, 0);
  EXPECT_GT(found.pairs[8].pixels, 0);
  for (cv::Mat& picture : made_) picture.setTo(0);
  EXPECT_EQ(compare().worst(), nullptr);
  EXPECT_TRUE(to_json(compare()).is_null());
  made_[3] = cv::Mat(10, 10, CV_8UC4, cv::Scalar::all(0));
  test::expect_error(ExitCode::runtime, {"45 degrees", "10x10", "240x160"}, [&] { compare(); });
}

// difference and squares by hand: two grey levels, one in each view.
TEST_F(ConsistencyTest, IsTheMeanDifference) {
  for (cv::Mat& picture : made_) {
    for (int y = 0; y < picture.rows; ++y)
      for (int x = 0; x < picture.cols; ++x) {
        auto& pixel = picture.at<cv::Vec4b>(y, x);
        pixel = {100, 100, 100, pixel[3]};
      }
  }
  EXPECT_NEAR(compare().all().difference, 0, 1e-4);
  EXPECT_EQ(to_json(compare())["psnr_db"], 100);
  for (std::size_t i = 0; i < made_.size(); i += 2)
    made_[i].forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int*) { pixel[0] = 151; });  // red alone, by 51/255
  const PairConsistency all = compare().all();
  EXPECT_NEAR(all.difference, 0.2 / 3, 1e-3);
  EXPECT_NEAR(all.squares, 0.04 / 3, 1e-3);
}

// Between two photographs the camera is between theirs; at a photograph it is its own.
TEST_F(ConsistencyTest, CamerasBetweenPhotographsLieBetween) {
  given_.frames[2].camera->cx += 12;
  given_.frames[2].camera->fl_x *= 1.1;
  const Camera own = camera_between(given_, 90, {}), middle = camera_between(given_, 67.5, {}),
               other = camera_between(given_, 45, {});
  EXPECT_EQ(own.cx, given_.frames[2].camera->cx);
  EXPECT_LT((own.vehicle_from_camera - given_.frames[2].camera->vehicle_from_camera).norm(), 1e-12);
  EXPECT_NEAR(middle.cx, (own.cx + other.cx) / 2, 1e-9);
  EXPECT_NEAR(middle.fl_x, (own.fl_x + other.fl_x) / 2, 1e-9);
  EXPECT_NEAR(viewing_direction(middle).azimuth_deg, 67.5, 1e-6);
  EXPECT_NEAR(camera_between(given_, 89.99, {}).cx, own.cx, 0.01);
  EXPECT_NEAR(camera_between(given_, 90.01, {}).cx, own.cx, 0.01);
  given_.frames.resize(1);
  EXPECT_NEAR(viewing_direction(camera_between(given_, 200, {})).azimuth_deg, 200, 1e-6);
}

}  // namespace
}  // namespace spinfill
