// SPDX-License-Identifier: Apache-2.0
#include "data/photo/aligned_sources.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

namespace spinfill {
namespace {

constexpr int kWidth = 320, kHeight = 200;

// Blotches of some pixels, moved along x.
cv::Mat pattern(double shift) {
  cv::Mat grey(kHeight, kWidth + 80, CV_32FC1), out;
  cv::RNG random(7);
  random.fill(grey, cv::RNG::UNIFORM, 0, 1);
  cv::GaussianBlur(grey, grey, {0, 0}, 2.5);
  cv::normalize(grey, grey, 0.1, 0.9, cv::NORM_MINMAX);
  cv::warpAffine(grey, grey, cv::Matx23d(1, 0, 40 - shift, 0, 1, 0), {kWidth, kHeight},
                 cv::INTER_CUBIC | cv::WARP_INVERSE_MAP);
  cv::merge(std::vector<cv::Mat>{grey, grey * 0.5, grey * 0.8}, out);
  return out;
}

cv::Mat weights(float value) {
  return cv::Mat(kHeight, kWidth, CV_32FC1, cv::Scalar(value));
}

// Mean absolute difference away from the border.
double apart(const cv::Mat& a, const cv::Mat& b) {
  const cv::Rect inside(30, 30, kWidth - 60, kHeight - 60);
  return cv::norm(a(inside), b(inside), cv::NORM_L1) / static_cast<double>(3 * inside.area());
}

TEST(AlignSources, MeetInTheMiddle) {
  std::vector<CarriedSource> sources = {{pattern(-4), weights(0.5F)}, {pattern(4), weights(0.5F)}};
  const double before = apart(sources[0].colour, sources[1].colour);
  align_sources(sources);
  EXPECT_LT(apart(sources[0].colour, sources[1].colour), before / 8);
  EXPECT_LT(apart(sources[0].colour, pattern(0)), before / 8);
  EXPECT_LT(apart(sources[1].colour, pattern(0)), before / 8);
}

TEST(AlignSources, TheHeavierMovesLess) {
  std::vector<CarriedSource> sources = {{pattern(-4), weights(0.9F)}, {pattern(4), weights(0.3F)}};
  align_sources(sources);
  for (const CarriedSource& source : sources) {
    EXPECT_LT(apart(source.colour, pattern(-2)), apart(source.colour, pattern(0)) / 4);
    EXPECT_LT(apart(source.colour, pattern(-2)), apart(source.colour, pattern(-4)) / 4);
  }
}

// Photographs differ in exposure.
TEST(AlignSources, BrightnessDoesNotMatter) {
  std::vector<CarriedSource> sources = {{pattern(-4) * 0.5, weights(0.5F)},
                                        {pattern(4) * 0.8 + cv::Scalar::all(0.1), weights(0.5F)}};
  align_sources(sources);
  EXPECT_LT(apart(sources[0].colour * 2, pattern(0)), 0.02);
}

TEST(AlignSources, NothingMovesWhereNothingIsShared) {
  CarriedSource left{pattern(-4), weights(0)}, right{pattern(4), weights(0)};
  left.weight.colRange(0, kWidth / 2) = 0.5F;
  right.weight.colRange(kWidth / 2, kWidth) = 0.5F;
  std::vector<CarriedSource> sources = {{left.colour.clone(), left.weight.clone()},
                                        {right.colour.clone(), right.weight.clone()}};
  align_sources(sources);
  const cv::Rect inside(0, 0, kWidth / 2, kHeight);
  EXPECT_LT(cv::norm(sources[0].colour(inside), left.colour(inside), cv::NORM_INF), 1e-5);
  EXPECT_EQ(cv::countNonZero(sources[0].weight.colRange(kWidth / 2 + 1, kWidth)), 0);
  std::vector<CarriedSource> single = {{pattern(0), weights(0.5F)}};
  align_sources(single);
  EXPECT_EQ(cv::norm(single[0].colour, pattern(0), cv::NORM_INF), 0);
}

// What has no structure, or another one, does not lead anywhere.
TEST(AlignSources, UnlikePicturesStayWhereTheyAre) {
  cv::Mat other = pattern(0).clone();
  cv::flip(other, other, -1);
  const cv::Mat flat(kHeight, kWidth, CV_32FC3, cv::Scalar::all(0.5));
  for (const cv::Mat& unlike : {other, flat}) {
    std::vector<CarriedSource> sources = {{pattern(0), weights(0.5F)}, {unlike.clone(), weights(0.5F)}};
    align_sources(sources);
    EXPECT_LT(apart(sources[0].colour, pattern(0)), apart(pattern(0), pattern(3)));
  }
}

// Instead of two things laid over each other; what shows the same keeps its share.
TEST(AlignSources, WhatShowsSomethingElseYieldsToTheHeavier) {
  cv::Mat other = pattern(0).clone();
  cv::flip(other, other, -1);
  const auto lighter_share = [](const cv::Mat& second) {
    std::vector<CarriedSource> sources = {{second.clone(), weights(0.3F)}, {pattern(0), weights(0.6F)}};
    align_sources(sources);
    const cv::Rect inside(30, 30, kWidth - 60, kHeight - 60);
    const cv::Mat total = sources[0].weight(inside) + sources[1].weight(inside);
    EXPECT_NEAR(cv::mean(total)[0], 0.9, 0.02) << "the sum stays";
    return cv::mean(sources[0].weight(inside) / total)[0];
  };
  EXPECT_LT(lighter_share(other), 0.18);
  EXPECT_NEAR(lighter_share(pattern(0)), 1.0 / 3, 0.01);
  EXPECT_NEAR(lighter_share(pattern(0) * 0.7), 1.0 / 3, 0.05) << "in other light";
}

TEST(AlignSources, DoesNotDependOnThreads) {
  const int threads = at::get_num_threads();
  std::vector<std::vector<CarriedSource>> results;
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    results.push_back({{pattern(-4), weights(0.5F)}, {pattern(4), weights(0.3F)}, {pattern(1), weights(0.2F)}});
    align_sources(results.back());
  }
  at::set_num_threads(threads);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(cv::norm(results[0][k].colour, results[1][k].colour, cv::NORM_INF), 0);
}

}  // namespace
}  // namespace spinfill
