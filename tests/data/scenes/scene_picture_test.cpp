// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include <Eigen/LU>
#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "data/scenes/scene_picture.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

// The view from (0, 0, 4) along −Z.
SceneView from_above_z(int width, int height) {
  SceneView view;
  view.file = "a.png";
  view.world_from_camera(2, 3) = 4;
  view.lens.width = width;
  view.lens.height = height;
  view.lens.fl_x = 300;
  view.lens.fl_y = 290;
  view.lens.cx = width / 2.0 + 3;
  view.lens.cy = height / 2.0 - 2;
  return view;
}

// Where a distorted lens sees a point: OpenCV's documentation, with pixel centres at ½.
Eigen::Vector2d distorted(const SceneView& view, const Eigen::Vector3d& point) {
  const Distortion& k = view.distortion;
  const double x = point.x() / (4 - point.z()), y = -point.y() / (4 - point.z()), r2 = x * x + y * y;
  const double radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])));
  const double u = x * radial + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x),
               v = y * radial + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y;
  return {view.lens.fl_x * u + view.lens.cx, view.lens.fl_y * v + view.lens.cy};
}

// The middle of the bright spot nearest to a place.
Eigen::Vector2d spot_near(const cv::Mat& rgba, const Eigen::Vector2d& at) {
  const cv::Rect around(static_cast<int>(at.x()) - 8, static_cast<int>(at.y()) - 8, 16, 16);
  cv::Mat green;
  cv::extractChannel(rgba(around), green, 1);
  const cv::Moments moments = cv::moments(green);
  return {around.x + moments.m10 / moments.m00 + 0.5, around.y + moments.m01 / moments.m00 + 0.5};
}

// A picture in which the lens shows spots at these points.
cv::Mat spots(const SceneView& view, const std::vector<Eigen::Vector3d>& points) {
  cv::Mat rgba(view.lens.height, view.lens.width, CV_8UC4, cv::Scalar(0, 0, 0, 255));
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      double value = 0;
      for (const auto& point : points) {
        const Eigen::Vector2d at = distorted(view, point) - Eigen::Vector2d(x + 0.5, y + 0.5);
        value += 250 * std::exp(-at.squaredNorm() / (2 * 1.5 * 1.5));
      }
      rgba.at<cv::Vec4b>(y, x)[1] = static_cast<std::uint8_t>(std::min(255.0, value));
    }
  }
  return rgba;
}

class ScenePictures : public testing::Test {
 protected:
  ScenePictures() { scene_.folder = folder_.path(); }
  void write(const cv::Mat& rgba) const { write_png(folder_ / "a.png", rgba); }
  test::TemporaryFolder folder_;
  Scene scene_;
};

TEST_F(ScenePictures, UndistortedTheyArePinholes) {
  const std::vector<Eigen::Vector3d> points = {
      {0, 0, 0}, {1.3, 0.9, 0}, {-1.4, 0.9, 0.1}, {1.2, -0.9, -0.2}, {-1, -0.7, 0}};
  for (const Distortion& lens : {Distortion{-0.12, 0.02, 0.002, -0.001}, Distortion{0.1}, Distortion{},
                                 Distortion{-0.1, 0.03, 0, 0, 0.004, 0.01, -0.002, 0.0005}}) {
    SceneView view = from_above_z(320, 240);
    view.distortion = lens;
    write(spots(view, points));
    const ScenePicture picture = read_scene_picture(scene_, view);
    EXPECT_EQ(picture.camera.width, picture.rgba.cols);
    EXPECT_EQ(picture.camera.height, picture.rgba.rows);
    EXPECT_FALSE(picture.masked);
    EXPECT_EQ(picture.seen.empty(), lens == Distortion{});
    for (const auto& point : points) {
      const Eigen::Vector2d expected = project(picture.camera, point);
      EXPECT_LT((spot_near(picture.rgba, expected) - expected).norm(), 0.1) << lens[0];
    }
  }
}

TEST_F(ScenePictures, WhatTheLensDidNotSeeIsTold) {
  SceneView view = from_above_z(320, 240);
  view.distortion = {-0.15};  // a barrel: the straight picture is larger, and bent in at the sides
  write(cv::Mat(240, 320, CV_8UC4, cv::Scalar(10, 200, 10, 255)));
  const ScenePicture picture = read_scene_picture(scene_, view);
  EXPECT_GT(picture.rgba.cols, 320);
  EXPECT_EQ(picture.seen.at<std::uint8_t>(picture.seen.rows / 2, picture.seen.cols / 2), 255);
  EXPECT_EQ(picture.seen.at<std::uint8_t>(picture.seen.rows / 2, 0) < 255, true);
}

TEST_F(ScenePictures, MasksAreStraightenedToo) {
  SceneView view = from_above_z(320, 240);
  view.distortion = {-0.12};
  cv::Mat rgba = spots(view, {{1.2, 0.8, 0}});
  cv::Mat mask;
  cv::extractChannel(rgba, mask, 1);
  cv::insertChannel(mask, rgba, 3);
  write(rgba);
  const ScenePicture picture = read_scene_picture(scene_, view);
  EXPECT_TRUE(picture.masked);
  cv::Mat alpha;
  cv::extractChannel(picture.rgba, alpha, 3);
  const cv::Moments moments = cv::moments(alpha);
  const Eigen::Vector2d expected = project(picture.camera, {1.2, 0.8, 0});
  EXPECT_NEAR(moments.m10 / moments.m00 + 0.5, expected.x(), 0.1);
  EXPECT_NEAR(moments.m01 / moments.m00 + 0.5, expected.y(), 0.1);
}

TEST_F(ScenePictures, ADistortionThatFoldsIsRefused) {
  SceneView view = from_above_z(320, 240);
  view.distortion = {-5};
  write(cv::Mat(240, 320, CV_8UC4, cv::Scalar(0, 0, 0, 255)));
  expect_error(ExitCode::runtime, {"a.png", "folds"}, [&] { read_scene_picture(scene_, view); });
  view.distortion = {1e5, -1e6};
  expect_error(ExitCode::runtime, {"a.png", "folds"}, [&] { read_scene_picture(scene_, view); });
}

TEST_F(ScenePictures, AnotherSizeThanTheCamerasIsRefused) {
  write(cv::Mat(120, 160, CV_8UC4, cv::Scalar(0, 0, 0, 255)));
  expect_error(ExitCode::runtime, {"a.png", "160x120", "320x240"},
               [&] { read_scene_picture(scene_, from_above_z(320, 240)); });
}

TEST_F(ScenePictures, TurnedUprightTheyShowTheSame) {
  const std::vector<Eigen::Vector3d> points = {{0.3, 0.9, 0}, {-0.8, 0.2, 0.1}};
  SceneView view = from_above_z(320, 240);
  write(spots(view, points));
  for (const Eigen::Vector3d& up : {Eigen::Vector3d(1, 0.2, 0), Eigen::Vector3d(-1, 0.2, 0.1),
                                    Eigen::Vector3d(0.1, -1, 0), Eigen::Vector3d(0.2, 1, 0)}) {
    const ScenePicture picture = turned_upright(read_scene_picture(scene_, view), up);
    EXPECT_EQ(picture.rgba.cols, picture.camera.width);
    const Eigen::Matrix3d turn = picture.camera.vehicle_from_camera.topLeftCorner<3, 3>();
    EXPECT_NEAR(turn.determinant(), 1, 1e-12);
    const Eigen::Vector2d above = project(picture.camera, 0.1 * up),
                          here = project(picture.camera, Eigen::Vector3d::Zero());
    EXPECT_LT(above.y(), here.y());
    for (const auto& point : points) {
      const Eigen::Vector2d expected = project(picture.camera, point);
      EXPECT_LT((spot_near(picture.rgba, expected) - expected).norm(), 0.05);
    }
  }
}

}  // namespace
}  // namespace spinfill
