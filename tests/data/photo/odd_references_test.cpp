// SPDX-License-Identifier: Apache-2.0
#include "data/photo/odd_references.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <opencv2/imgproc.hpp>

#include "data/photo/weighed_references.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// A tiny set with patches of many sizes on its paint, so that its sharpness can be told.
class OddReferencesTest : public ::testing::Test {
 protected:
  OddReferencesTest() : set_(test::write_tiny_set(folder_.path(), {.width = 240, .height = 160})) {
    for (const Frame& frame : set_.frames) {
      cv::Mat& picture = at(frame.slot());
      picture = read_masked_picture(set_, frame);
      cv::Mat mask;
      cv::extractChannel(picture, mask, 3);
      std::mt19937 random(static_cast<unsigned>(frame.slot()));
      for (int i = 0; i < 250; ++i) {
        const auto drawn = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
        const cv::Point corner(drawn(240), drawn(160));
        const cv::Point size(2 + drawn(12), 2 + drawn(12));
        cv::rectangle(picture, corner, corner + size, cv::Scalar::all(40 + drawn(90)), cv::FILLED);
      }
      cv::insertChannel(mask, picture, 3);
    }
  }

  cv::Mat& at(int slot) { return pictures_[static_cast<std::size_t>(slot)]; }
  std::vector<Oddities> found(const std::vector<bool>& trusted = {}) const {
    return odd_references(set_, pictures_, {}, trusted);
  }
  // That there is one oddity, this one of this slot; it.
  OddReference alone(int slot, Oddity what, const std::vector<bool>& trusted = {}) const {
    OddReference out;
    const std::vector<Oddities> all = found(trusted);
    EXPECT_EQ(all.size(), set_.frames.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (const OddReference& odd : all[i]) {
        EXPECT_EQ(set_.frames[i].slot(), slot) << odd.problem;
        EXPECT_EQ(name_of(odd.what), std::string(name_of(what))) << odd.problem;
        out = odd;
      }
    }
    EXPECT_FALSE(out.problem.empty()) << "nothing was found";
    EXPECT_FALSE(out.advice.empty());
    return out;
  }
  void expose(int slot, double stops) {
    const cv::Mat mask = alpha(slot);
    cv::Mat& picture = at(slot);
    picture.convertTo(picture, -1, std::pow(2, stops / 2.2));  // of the encoded values
    cv::insertChannel(mask, picture, 3);
  }
  cv::Mat alpha(int slot) {
    cv::Mat mask;
    cv::extractChannel(at(slot), mask, 3);
    return mask;
  }

  test::TemporaryFolder folder_;
  ViewSet set_;
  SlotPictures pictures_;
};

TEST_F(OddReferencesTest, ReferencesOfOneKindAreNotOdd) {
  for (const Oddities& odd : found())
    for (const OddReference& one : odd) ADD_FAILURE() << one.problem;
}

TEST_F(OddReferencesTest, ABlurredOneWeighsLess) {
  const cv::Mat mask = alpha(2);
  cv::GaussianBlur(at(2), at(2), {}, 3);
  cv::insertChannel(mask, at(2), 3);
  const OddReference odd = alone(2, Oddity::blurred);
  EXPECT_LT(odd.weight, 0.5);
  EXPECT_GT(odd.weight, 0);
}

TEST_F(OddReferencesTest, ShakingAlongOneAxisIsBlurToo) {
  const cv::Mat mask = alpha(5);
  cv::blur(at(5), at(5), {25, 1});
  cv::insertChannel(mask, at(5), 3);
  alone(5, Oddity::blurred);
}

TEST_F(OddReferencesTest, ExposureIsComparedWithTheOthers) {
  const cv::Mat before = at(1).clone();
  expose(1, 2.5);
  EXPECT_LT(alone(1, Oddity::overexposed).weight, 0.5);
  at(1) = before;
  expose(1, -4);
  EXPECT_LT(alone(1, Oddity::underexposed).weight, 0.5);
}

TEST_F(OddReferencesTest, FurtherPhotographsAreComparedToo) {
  const std::size_t frames = set_.frames.size();
  for (int i = 0; i < 2; ++i) set_.further.push_back(set_.frames[static_cast<std::size_t>(1 + i)]);
  std::vector<cv::Mat> further = {at(1).clone(), at(2).clone()};
  for (const Oddities& odd : odd_references(set_, pictures_, further)) EXPECT_TRUE(odd.empty());
  const cv::Mat mask = alpha(2);
  cv::GaussianBlur(further[1], further[1], {}, 3);
  cv::insertChannel(mask, further[1], 3);
  std::vector<Oddities> odd = odd_references(set_, pictures_, further);
  ASSERT_EQ(odd.size(), frames + 2);
  for (std::size_t i = 0; i <= frames; ++i) EXPECT_TRUE(odd[i].empty()) << i;
  ASSERT_EQ(odd.back().size(), 1U);
  EXPECT_EQ(odd.back()[0].what, Oddity::blurred);
  std::vector<FurtherPicture> telling = weighed_further(set_, further, odd);
  ASSERT_EQ(telling.size(), 2U);
  EXPECT_EQ(telling[0].weight, 1);
  EXPECT_LT(telling[1].weight, 0.5);
  // One that contradicts the others is left out with its picture.
  at(2).copyTo(further[0]);
  odd = odd_references(set_, pictures_, further);
  ASSERT_EQ(odd[frames].size(), 1U);
  EXPECT_EQ(odd[frames][0].what, Oddity::contradicting);
  EXPECT_EQ(without_contradicting(set_, odd).further.size(), 1U);
  telling = weighed_further(set_, further, odd);
  ASSERT_EQ(telling.size(), 1U);
  EXPECT_LT(telling[0].weight, 0.5);
}

TEST_F(OddReferencesTest, AVehicleOfFarFewerPixelsWeighsLess) {
  set_.frames[2].camera->fl_x /= 2;
  set_.frames[2].camera->fl_y /= 2;
  cv::Mat half, picture(160, 240, CV_8UC4, cv::Scalar::all(0));
  cv::resize(at(2), half, {120, 80}, 0, 0, cv::INTER_AREA);
  half.copyTo(picture(cv::Rect(60, 40, 120, 80)));
  at(2) = picture;
  const OddReference odd = alone(2, Oddity::small);
  EXPECT_NEAR(odd.weight, 0.25, 0.1);
}

// What was scaled up has no more to tell than before.
TEST_F(OddReferencesTest, AnEnlargedPictureIsASmallOne) {
  set_.frames[2].fitted = 2;
  EXPECT_NEAR(alone(2, Oddity::small).weight, 0.25, 0.02);
  set_.frames[2].fitted = 0.5;
  for (const Oddities& odd : found()) EXPECT_TRUE(odd.empty()) << odd[0].problem;
}

// Its camera stands where another view's does.
TEST_F(OddReferencesTest, AWrongAzimuthContradictsTheOthers) {
  at(1).copyTo(at(2));
  const OddReference odd = alone(2, Oddity::contradicting);
  EXPECT_EQ(odd.weight, 0);
  EXPECT_NE(odd.advice.find("90 degrees"), std::string::npos) << odd.advice;
}

TEST_F(OddReferencesTest, AShadowInTheMaskIsNamed) {
  cv::Mat& picture = at(2);
  const cv::Mat before = picture.clone(), covered = alpha(2) >= 128;
  const cv::Rect box = cv::boundingRect(covered);
  cv::ellipse(picture, {box.x + box.width / 2, box.y + box.height}, {box.width / 2, box.height / 5}, 0, 0, 360,
              cv::Scalar(50, 50, 50, 255), cv::FILLED);
  before.copyTo(picture, covered);
  const OddReference odd = alone(2, Oddity::oversized_mask);
  EXPECT_GT(odd.weight, 0) << "its colours are the vehicle's";
  EXPECT_NE(odd.problem.find("shadow"), std::string::npos) << odd.problem;
}

TEST_F(OddReferencesTest, WhatAnEstimateLeftOutIsOdd) {
  std::vector<bool> trusted(set_.frames.size(), true);
  trusted[3] = false;
  EXPECT_EQ(alone(3, Oddity::contradicting, trusted).weight, 0);
}

TEST_F(OddReferencesTest, TwoCannotOutvoteEachOther) {
  expose(1, 3);
  for (const int slot : {2, 3, 4, 5, 6, 7}) at(slot) = cv::Mat();
  for (const Oddities& odd : found()) EXPECT_TRUE(odd.empty());
}

}  // namespace
}  // namespace spinfill
