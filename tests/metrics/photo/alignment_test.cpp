// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/alignment.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "data/pictures/letterbox.h"
#include "geometry/camera.h"
#include "metrics/photo/photo_evaluation.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

cv::Mat vehicle(double scale, double right, double down, int width = 480) {
  const int height = width * 2 / 3;
  Camera camera = turntable_camera({10, 3, 2.2}, 50, width, height);
  camera.fl_x *= scale;
  camera.fl_y *= scale;
  camera.cx += right;
  camera.cy += down;
  return test::render_tiny_vehicle(camera, 3);
}

double squared_error(const cv::Mat& premultiplied_crop, const cv::Mat& truth, const cv::Rect& box) {
  return cv::norm(premultiplied_crop, premultiplied(truth(box)), cv::NORM_L2SQR);
}

TEST(Alignment, FindsAScaleAndShift) {
  const cv::Mat truth = vehicle(1, 0, 0);
  const cv::Rect box = scored_box(truth);
  for (const auto& [scale, right, down] : {std::array{1.0, 7.0, -4.0}, std::array{0.9, 0.0, 0.0},
                                           std::array{1.08, -9.0, 6.0}, std::array{1.0, 0.0, 0.0}}) {
    const cv::Mat picture = vehicle(scale, right, down);
    const Alignment found = align(picture, truth, box);
    EXPECT_NEAR(found.scale, 1 / scale, 0.004) << scale;
    const cv::Mat back = moved(picture, found, box);
    EXPECT_LT(squared_error(back, truth, box), 0.12 * squared_error(moved(picture, {}, box), truth, box) + 1) << scale;
    EXPECT_EQ(found.scale, align(picture, truth, box).scale);
  }
}

TEST(Alignment, WithoutAnyIsTheCrop) {
  const cv::Mat truth = vehicle(1, 0, 0);
  const cv::Rect box = scored_box(truth);
  EXPECT_LT(cv::norm(moved(truth, {}, box), premultiplied(truth(box)), cv::NORM_INF), 1e-5);
}

TEST(Alignment, IsNeverWorseThanNone) {
  const cv::Mat truth = vehicle(1, 0, 0), other = vehicle(1.2, 60, 30);
  cv::Mat turned, empty(truth.size(), CV_8UC4, cv::Scalar::all(0));
  cv::flip(truth, turned, 1);
  const cv::Rect box = scored_box(truth);
  for (const cv::Mat& picture : {other, turned, empty}) {
    const Alignment found = align(picture, truth, box);
    EXPECT_LE(squared_error(moved(picture, found, box), truth, box),
              1.02 * squared_error(moved(picture, {}, box), truth, box));
    EXPECT_GE(found.scale, 0.8);
    EXPECT_LE(found.scale, 1.25);
  }
}

TEST(Alignment, OfSmallAndOddPicturesWorks) {
  for (const int width : {16, 31, 129, 258}) {
    const cv::Mat truth = vehicle(1, 0, 0, width), picture = vehicle(1, 0.02 * width, 0, width);
    const cv::Rect box = scored_box(truth);
    const Alignment found = align(picture, truth, box);
    if (width > 100) {
      EXPECT_NEAR(found.shift_x, -0.02 * width, 0.6) << width;
    }
    EXPECT_EQ(moved(picture, found, box).size(), box.size());
  }
}

}  // namespace
}  // namespace spinfill
