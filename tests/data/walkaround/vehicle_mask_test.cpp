// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/vehicle_mask.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>
#include <vector>

#include "core/statistics.h"
#include "data/pictures/picture.h"
#include "data/walkaround/grab_cut.h"
#include "data/walkaround/masked_photographs.h"
#include "data/walkaround/usability.h"
#include "support/real_cars.h"
#include "support/support.h"

namespace spinfill {
namespace {

// A red body on green ground, and what a coarse segmenter would make of its coverage.
struct Scene {
  cv::Mat rgb, truth, saliency;
  explicit Scene(cv::Size size = {800, 500}) : rgb(size, CV_8UC3), truth(size, CV_8U, cv::Scalar(0)) {
    cv::ellipse(truth, {400, 270}, {230, 110}, 0, 0, 360, cv::Scalar(255), cv::FILLED, cv::LINE_AA);
    cv::rectangle(truth, cv::Rect(230, 300, 60, 110), cv::Scalar(255), cv::FILLED);  // a wheel
    paint();
  }
  void paint() {
    for (int y = 0; y < rgb.rows; ++y) {
      for (int x = 0; x < rgb.cols; ++x) {
        const double a = truth.at<uchar>(y, x) / 255.0;
        const double texture = 8 * std::sin(0.7 * x) * std::sin(0.9 * y);
        rgb.at<cv::Vec3b>(y, x) = {cv::saturate_cast<uchar>(40 + 150 * a + texture),
                                   cv::saturate_cast<uchar>(120 - 80 * a + texture), 50};
      }
    }
    cv::Mat small;
    cv::resize(truth, small, {320, 320}, 0, 0, cv::INTER_AREA);
    cv::GaussianBlur(small, small, {}, 2.5);
    small.convertTo(saliency, CV_32F, 1 / 255.0);
  }
};

TEST(VehicleMask, TheOutlineFollowsThePhotographsEdges) {
  const Scene scene;
  cv::Mat coarse;
  cv::resize(scene.saliency, coarse, scene.rgb.size());
  coarse.convertTo(coarse, CV_8U, 255);
  const VehicleMask mask = refined_mask(scene.saliency, scene.rgb);
  EXPECT_GT(test::overlap(mask.alpha, scene.truth), 0.99);
  EXPECT_LT(test::boundary_error(mask.alpha, scene.truth), 0.7 * test::boundary_error(coarse, scene.truth));
  EXPECT_LT(test::boundary_error(mask.alpha, scene.truth), 1.0);
  EXPECT_NEAR(mask.area, cv::countNonZero(scene.truth >= 128) / 4e5, 0.003);
  EXPECT_FALSE(mask.cut_off);
  EXPECT_EQ(mask.others, 0);
}

TEST(VehicleMask, OnlyTheLargestThingIsKeptAndSmallHolesAreClosed) {
  Scene scene;
  cv::circle(scene.truth, {60, 60}, 40, cv::Scalar(255), cv::FILLED);
  scene.paint();
  cv::circle(scene.saliency, {160, 160}, 5, cv::Scalar(0), cv::FILLED);
  const VehicleMask mask = refined_mask(scene.saliency, scene.rgb);
  EXPECT_EQ(mask.alpha.at<uchar>(60, 60), 0);
  EXPECT_NEAR(mask.others, 5027.0 / 83000, 0.02);
  EXPECT_EQ(mask.alpha.at<uchar>(250, 400), 255);
  EXPECT_GT(mask.box.x, 150);
}

TEST(VehicleMask, WhatReachesTheBorderIsSaidToBeCutOff) {
  Scene scene;
  cv::rectangle(scene.truth, cv::Rect(0, 200, 400, 120), cv::Scalar(255), cv::FILLED);
  scene.paint();
  const VehicleMask mask = refined_mask(scene.saliency, scene.rgb);
  EXPECT_TRUE(mask.cut_off);
  EXPECT_NE(mask_usability(mask).what.find("reaches the border"), std::string::npos);
  EXPECT_EQ(mask_usability(mask).verdict, PhotographVerdict::retake);
  const VehicleMask nothing = refined_mask(cv::Mat::zeros(320, 320, CV_32F), scene.rgb);
  EXPECT_TRUE(nothing.box.empty());
  EXPECT_EQ(mask_usability(nothing).verdict, PhotographVerdict::ignored);
}

TEST(Segmenter, AFileThatIsNoNetworkIsOneLine) {
  const test::TemporaryFolder folder;
  const auto file = folder / "broken.onnx";
  std::ofstream(file) << "no network";
  test::expect_error(ExitCode::runtime, {"broken.onnx", "ONNX"}, [&] { NetworkSegmenter segmenter(file); });
  test::expect_error(ExitCode::usage, {"there.onnx"}, [&] { NetworkSegmenter segmenter(folder / "there.onnx"); });
}

TEST(Segmenter, CutsRealCarsOutOfPhotographedPlaces) {
  SPINFILL_NEEDS_REAL_DATA();
  const test::RealCars cut(NetworkSegmenter(test::real_data() / "segmentation" / "u2netp.onnx"));
  EXPECT_GT(median(cut.overlaps), 0.97);
  EXPECT_LT(median(cut.boundaries), 1.5);
}

// What the warning says of it.
TEST(GrabCut, IsWorseOnRealCarsThanANetwork) {
  SPINFILL_NEEDS_REAL_DATA();
  const test::RealCars cut{GrabCutSegmenter()};
  EXPECT_GT(median(cut.overlaps), 0.85);
  EXPECT_LT(median(cut.overlaps), 0.97);
}

// A two-coloured vehicle with wheels and windows before a wall and on ground of other colours, all textured.
Scene drawn_vehicle() {
  Scene scene({640, 420});
  scene.truth.setTo(0);
  const auto part = [&](const cv::Rect& where, const cv::Scalar& colour) {
    cv::rectangle(scene.truth, where, cv::Scalar(255), cv::FILLED);
    cv::rectangle(scene.rgb, where, colour, cv::FILLED);
  };
  scene.rgb.rowRange(0, 270).setTo(cv::Scalar(170, 160, 120));
  scene.rgb.rowRange(270, 420).setTo(cv::Scalar(110, 120, 110));
  part({220, 130, 200, 70}, {20, 20, 90});    // windows and roof
  part({130, 190, 380, 110}, {190, 30, 40});  // body
  for (const int x : {200, 440}) {
    for (cv::Mat* at : {&scene.truth, &scene.rgb})
      cv::circle(*at, {x, 300}, 40, at == &scene.truth ? cv::Scalar(255) : cv::Scalar(25, 20, 20), cv::FILLED);
  }
  for (int y = 0; y < scene.rgb.rows; ++y) {
    for (int x = 0; x < scene.rgb.cols; ++x) {
      const int texture =
          static_cast<int>(std::lround(9 * std::sin(0.7 * x) * std::sin(0.9 * y) + 7 * std::sin(0.05 * x)));
      for (int c = 0; c < 3; ++c) {
        uchar& value = scene.rgb.at<cv::Vec3b>(y, x)[c];
        value = cv::saturate_cast<uchar>(value + texture);
      }
    }
  }
  return scene;
}

bool same(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && cv::countNonZero(a != b) == 0;
}

TEST(GrabCut, FindsADrawnVehicleBeforeATexturedBackground) {
  const Scene scene = drawn_vehicle();
  const VehicleMask mask = vehicle_mask(GrabCutSegmenter(), scene.rgb);
  EXPECT_GT(test::overlap(mask.alpha, scene.truth), 0.95);
  EXPECT_EQ(mask_usability(mask).verdict, PhotographVerdict::ok);
}

// Whatever OpenCV's generator did before, and in several threads at once.
TEST(GrabCut, IsAFunctionOfThePhotographAlone) {
  const Scene scene = drawn_vehicle();
  const GrabCutSegmenter segmenter;
  const cv::Mat once = segmenter.saliency(scene.rgb);
  cv::theRNG() = cv::RNG(12345);
  EXPECT_TRUE(same(segmenter.saliency(scene.rgb), once));
  EXPECT_EQ(cv::theRNG().state, cv::RNG(12345).state) << "others' random numbers go on as they would";
  std::vector<cv::Mat> found(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] {
      cv::theRNG() = cv::RNG(i + 7);
      found[i] = segmenter.saliency(scene.rgb);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const cv::Mat& other : found) EXPECT_TRUE(same(other, once));
}

TEST(GrabCut, NothingStandsOutOfBlankPictures) {
  const GrabCutSegmenter segmenter;
  for (const cv::Size size : {cv::Size(300, 200), {1, 1}, {4000, 2}, {3, 900}}) {
    for (const int level : {0, 128, 255}) {
      const VehicleMask mask = vehicle_mask(segmenter, cv::Mat(size, CV_8UC3, cv::Scalar::all(level)));
      EXPECT_TRUE(mask.box.empty()) << size << level;
      EXPECT_EQ(mask_usability(mask).trouble, Trouble::no_vehicle);
    }
  }
  cv::Mat noise(200, 300, CV_8UC3);
  cv::RNG(3).fill(noise, cv::RNG::UNIFORM, 90, 160);
  EXPECT_TRUE(vehicle_mask(segmenter, noise).box.empty());
}

}  // namespace
}  // namespace spinfill
