// SPDX-License-Identifier: Apache-2.0
#include "data/spins/stray_pieces.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <opencv2/imgproc.hpp>

#include "data/sets/set_pictures.h"
#include "data/spins/stabilise.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

constexpr int kWidth = 360, kHeight = 240;
const Eigen::Vector3d kOverBonnet(0.53, 0, 0.13);

// The masks of a tiny vehicle under its true cameras.
struct Masks {
  Masks() {
    const test::TemporaryFolder folder;
    const ViewSet set = test::write_tiny_set(folder.path(), {.width = kWidth, .height = kHeight});
    for (const Frame& frame : set.frames) {
      pictures.push_back(spin_picture(set, frame));
      cameras.push_back(*frame.camera);
    }
  }
  cv::Mat alpha(std::size_t view) { return {kHeight, kWidth, CV_32F, pictures[view].alpha.mutable_data_ptr<float>()}; }
  cv::Mat covered(std::size_t view) { return alpha(view) >= 0.5F; }
  // Covers what a view sees of a ball.
  void add_ball(std::size_t view, const Eigen::Vector3d& at, int radius) {
    const Eigen::Vector2d seen = project(cameras[view], at);
    cv::circle(alpha(view), {cvRound(seen.x()), cvRound(seen.y())}, radius, 1.0F, cv::FILLED);
  }
  std::vector<StrayPiece> strays(double miss = 0.002) const { return stray_pieces(pictures, cameras, miss); }

  std::vector<SpinPicture> pictures;
  std::vector<Camera> cameras;
};

// The share of `of` that a piece takes.
double taken(const StrayPiece& piece, const cv::Mat& of) {
  return cv::mean(piece.share, of)[0];
}

TEST(StrayPieces, NothingIsTakenFromMasksOfOneVehicle) {
  Masks masks;
  for (const StrayPiece& piece : masks.strays()) {
    EXPECT_TRUE(piece.share.empty());
    EXPECT_EQ(piece.area, 0);
  }
}

// A parked car beyond the bonnet.
TEST(StrayPieces, WhatOnePictureAloneShowsIsTakenAndNothingElse) {
  Masks masks;
  const cv::Mat before = masks.covered(1).clone();
  const cv::Rect box = cv::boundingRect(before);
  cv::Mat drawn = masks.alpha(1);
  cv::rectangle(drawn, {box.x - 6, box.y + 2, 66, 34}, 1.0F, cv::FILLED);
  const cv::Mat added = masks.covered(1) & ~before;
  ASSERT_GT(cv::countNonZero(added), 300);
  const std::vector<StrayPiece> strays = masks.strays();
  for (std::size_t i = 0; i < strays.size(); ++i) EXPECT_EQ(strays[i].share.empty(), i != 1) << i;
  EXPECT_GT(taken(strays[1], added), 0.6);
  EXPECT_LT(taken(strays[1], before), 0.01);
  EXPECT_NEAR(strays[1].area, static_cast<double>(cv::countNonZero(added)) / cv::countNonZero(masks.covered(1)), 0.03);
  EXPECT_EQ(strays[1].share.size(), cv::Size(kWidth, kHeight));
  // Its soft outline goes with it.
  EXPECT_GT(strays[1].share.at<float>(box.y - 1, box.x + 20), 0.9F);
}

// One other mask may lack a part: what it lacks is no stray of the others.
TEST(StrayPieces, APartThatOneMaskLacksIsLeft) {
  Masks masks;
  const cv::Rect box = cv::boundingRect(masks.covered(2));
  masks.alpha(2)({box.x, box.y, box.width, box.height / 4}).setTo(0);
  for (const StrayPiece& piece : masks.strays()) EXPECT_TRUE(piece.share.empty());
}

// A ball over the bonnet: shown by two pictures from across each other it is a part of the vehicle that the others have
// lost, by one alone it is not.
TEST(StrayPieces, WhatSeveralShowAtOnePlaceIsLeft) {
  Masks masks;
  masks.add_ball(1, kOverBonnet, 9);
  EXPECT_FALSE(masks.strays()[1].share.empty());
  masks.add_ball(7, kOverBonnet, 9);
  for (const StrayPiece& piece : masks.strays()) EXPECT_TRUE(piece.share.empty());
  // Elsewhere in the second picture: two things that are not the vehicle's.
  Masks others;
  others.add_ball(1, kOverBonnet, 9);
  others.add_ball(3, {-0.53, 0, 0.13}, 9);
  const std::vector<StrayPiece> strays = others.strays();
  EXPECT_FALSE(strays[1].share.empty());
  EXPECT_FALSE(strays[3].share.empty());
}

// A windscreen of an open car, for example, which the others have lost.
TEST(StrayPieces, WhatRisesAboveTheRestIsLeft) {
  Masks masks;
  masks.add_ball(1, {0.05, 0.02, 0.3}, 14);
  for (const StrayPiece& piece : masks.strays()) EXPECT_TRUE(piece.share.empty());
}

TEST(StrayPieces, WhatIsBelowIsLeft) {
  Masks masks;
  const cv::Rect box = cv::boundingRect(masks.covered(1));
  cv::Mat drawn = masks.alpha(1);
  cv::rectangle(drawn, {box.x + 40, box.br().y - 10, 40, 34}, 1.0F, cv::FILLED);
  for (const StrayPiece& piece : masks.strays()) EXPECT_TRUE(piece.share.empty());
}

TEST(StrayPieces, NothingIsTakenWhereNobodyCanTell) {
  Masks masks;
  masks.add_ball(1, kOverBonnet, 9);
  ASSERT_FALSE(masks.strays()[1].share.empty());
  EXPECT_TRUE(masks.strays(0.009)[1].share.empty()) << "masks that fit together badly";
  masks.pictures[1].trusted = false;
  EXPECT_TRUE(masks.strays()[1].share.empty()) << "its camera is not its own";
  masks.pictures[1].trusted = true;
  for (const std::size_t i : {0, 4, 5, 6}) masks.pictures[i].trusted = false;
  EXPECT_TRUE(masks.strays()[1].share.empty()) << "of four";
}

TEST(StrayPieces, AFewPixelsAreLeft) {
  Masks masks;
  const cv::Rect box = cv::boundingRect(masks.covered(2));
  cv::Mat drawn = masks.alpha(2);
  cv::line(drawn, {box.x + box.width / 2, box.y}, {box.x + box.width / 2, box.y - 8}, 1.0F, 1);
  EXPECT_TRUE(masks.strays()[2].share.empty());
}

}  // namespace
}  // namespace spinfill
