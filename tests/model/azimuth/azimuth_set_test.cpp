// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_set.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

#include <opencv2/core.hpp>

#include "core/random.h"
#include "geometry/angles.h"
#include "model/azimuth/turn_evidence.h"

namespace spinfill {
namespace {

constexpr VehiclePlan kPlan{1.4, 0.6};

// Points on a box's four sides with descriptors of their own, seen from all around.
class BoxVehicle {
 public:
  BoxVehicle() {
    for (std::uint64_t i = 0; i < 160; ++i) {
      Random random(7, i, Stream::weights);
      const double along = 2 * random.uniform() - 1, height = 0.6 * random.uniform() - 0.5;
      const bool flank = i % 2 == 0;
      const double sign = i % 4 < 2 ? 1 : -1;
      Point point{flank ? along * kPlan.half_length : sign * kPlan.half_length,
                  flank ? sign * kPlan.half_width : along * kPlan.half_width,
                  height,
                  flank,
                  sign,
                  {}};
      point.descriptor = cv::Mat(1, 128, CV_32F);
      for (int k = 0; k < 128; ++k) point.descriptor.at<float>(k) = static_cast<float>(random.normal());
      point.descriptor /= cv::norm(point.descriptor);
      points_.push_back(point);
    }
  }
  VehicleLook seen_from(double azimuth_deg) const {
    const double c = std::cos(azimuth_deg * kDegree), s = std::sin(azimuth_deg * kDegree);
    VehicleLook look;
    look.aspect = 2 * (std::abs(s) * kPlan.half_length + std::abs(c) * kPlan.half_width);
    for (const Point& point : points_) {
      if (point.sign * (point.flank ? s : c) < 0.1) continue;
      look.points.emplace_back(static_cast<float>(-point.x * s + point.y * c), static_cast<float>(point.height));
      look.sizes.push_back(0.05F);
      look.turns_deg.push_back(90);
      look.descriptors.push_back(point.descriptor);
    }
    return look;
  }

 private:
  struct Point {
    double x, y, height;
    bool flank;
    double sign;
    cv::Mat descriptor;
  };
  std::vector<Point> points_;
};

at::Tensor peaks(const std::vector<std::pair<double, double>>& azimuths_and_shares) {
  at::Tensor out = at::zeros({kAzimuthBins}, at::kFloat);
  for (const auto& [azimuth, share] : azimuths_and_shares) {
    at::Tensor one = at::empty({kAzimuthBins}, at::kFloat);
    for (std::int64_t b = 0; b < kAzimuthBins; ++b)
      one[b] = std::cos((azimuth - kAzimuthBinDeg * static_cast<double>(b)) * kDegree) / std::pow(7 * kDegree, 2);
    out += share * at::softmax(one, 0);
  }
  return out;
}

TEST(TurnEvidence, TellsByHowMuchAndWhichWayTheCameraWent) {
  const BoxVehicle vehicle;
  for (const double from : {20.0, 80.0, 200.0, 340.0}) {
    for (const double turn : {-30.0, -15.0, 15.0, 30.0}) {
      const VehicleLook first = vehicle.seen_from(from), second = vehicle.seen_from(from + turn);
      const TurnTable table =
          turn_evidence(look_matches(first, second, kMostPoints), second.aspect, plan_of({2.8, 1.2, 2.0}));
      const auto row = static_cast<int>(from / 5);
      int best = 0;
      for (int bin = 0; bin < 72; ++bin)
        if (table(row, bin) > table(row, best)) best = bin;
      EXPECT_LT(apart_deg(5 * best, from + turn), 11) << from << " " << turn;
      EXPECT_GT(table(row, best), 1) << from << " " << turn;
    }
  }
}

TEST(TurnEvidence, NothingIsSaidWithoutMatches) {
  EXPECT_TRUE(turn_evidence({}, 2, kPlan).isZero(0));
  EXPECT_NEAR(plan_of({1.1, 2.9, 2.8, 1.3, 2.9}).half_length, 1.45, 0.01);
  EXPECT_EQ(plan_of({1.1, 2.9, 2.8, 1.3, 2.9}).half_width, 0.55);
}

TEST(TurnEvidence, AVehicleThatIsHiddenInPartIsNarrower) {
  const BoxVehicle vehicle;
  std::vector<double> aspects, azimuths_deg;
  for (int i = 0; i < 9; ++i) {
    azimuths_deg.push_back(40.0 * i + 3);
    aspects.push_back(vehicle.seen_from(azimuths_deg.back()).aspect);
  }
  for (const double width : relative_widths(aspects, azimuths_deg)) EXPECT_NEAR(width, 1, 0.12);
  aspects[3] *= 0.6;
  const std::vector<double> widths = relative_widths(aspects, azimuths_deg);
  EXPECT_LT(widths[3], 0.7);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i != 3) {
      EXPECT_GT(widths[i], 0.83) << i;
    }
  }
}

// From near, a vehicle's corners are narrower than a box: both of them.
TEST(TurnEvidence, WhatBothSidesHaveHidesNothing) {
  const std::vector<double> azimuths_deg = {0, 45, 90, 131, 180, 232, 270, 310};
  std::vector<double> aspects = {1.1, 2.6, 2.8, 1.9, 1.1, 1.9, 2.8, 2.6};
  for (const double width : relative_widths(aspects, azimuths_deg)) EXPECT_GT(width, 0.8);
  aspects[5] = 2.6;
  EXPECT_LT(relative_widths(aspects, azimuths_deg)[3], 0.78);
}

TEST(AzimuthSet, TheOthersCorrectAPhotographThatIsHalfATurnOff) {
  constexpr int kCount = 24;
  const BoxVehicle vehicle;
  const auto truth = [](std::size_t place) { return 15.0 * static_cast<double>(place * 7 % kCount) + 7; };  // any order
  std::vector<PhotographOfSet> set;
  for (std::size_t i = 0; i < kCount; ++i) {
    // A quarter is taken for half a turn more, by itself.
    const double right = i % 4 == 1 ? 0.4 : 0.75;
    set.push_back({peaks({{truth(i), right}, {truth(i) + 180, 1 - right}}), vehicle.seen_from(truth(i))});
  }
  EXPECT_GT(apart_deg(estimate_of(set[1].shares).azimuth_deg, truth(1)), 150);
  const std::vector<AzimuthEstimate> found = consistent_azimuths(set).estimates;
  ASSERT_EQ(found.size(), set.size());
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_LT(apart_deg(found[i].azimuth_deg, truth(i)), 6) << truth(i);
    EXPECT_GT(found[i].confidence, 0.55) << truth(i);
  }
  const std::vector<AzimuthEstimate> again = consistent_azimuths(set).estimates;
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(found[i].azimuth_deg, again[i].azimuth_deg);
}

TEST(AzimuthSet, RearLampsTellTheBack) {
  // Nothing matches, and the network knows no front from back.
  std::vector<PhotographOfSet> set;
  for (const double azimuth : {0.0, 50.0, 130.0, 180.0, 230.0, 310.0}) {
    VehicleLook look;
    look.aspect = 2;
    look.lamp_red = std::cos(azimuth * kDegree) < 0 ? 0.01 : 0.0001;
    set.push_back({peaks({{azimuth, 0.5}, {180 - azimuth, 0.5}}), look});
  }
  const double truth[] = {0, 50, 130, 180, 230, 310};
  std::vector<AzimuthEstimate> found = consistent_azimuths(set).estimates;
  for (std::size_t i = 0; i < set.size(); ++i) {
    EXPECT_LT(apart_deg(found[i].azimuth_deg, truth[i]), 5) << truth[i];
    EXPECT_GT(found[i].confidence, 0.75) << truth[i];
  }
  // The paint is red: nothing is told.
  for (PhotographOfSet& one : set) one.look.lamp_red += 0.3;
  found = consistent_azimuths(set).estimates;
  for (const AzimuthEstimate& one : found) EXPECT_LT(one.confidence, 0.6);
}

TEST(AzimuthSet, OnePhotographIsWhatItSaysItself) {
  const at::Tensor shares = peaks({{73, 0.8}, {250, 0.2}});
  const std::vector<AzimuthEstimate> found = consistent_azimuths({{shares, {}}}).estimates;
  EXPECT_EQ(found.at(0).azimuth_deg, estimate_of(shares).azimuth_deg);
  EXPECT_TRUE(consistent_azimuths({}).estimates.empty());
}

// Twelve photographs of which nothing matches; one is surely half a turn off by itself, one cannot tell.
struct Walk {
  std::vector<PhotographOfSet> set;
  std::vector<double> truth;
};
Walk walk(const std::vector<int>& places, double step_deg) {
  Walk out;
  for (const int place : places) {
    const double azimuth = wrapped_deg(310 + step_deg * place);
    const double right = place == 4 ? 0.02 : place == 8 ? 0.45 : 0.9;
    VehicleLook look;
    look.aspect = 2;
    out.set.push_back({peaks({{azimuth, right}, {azimuth + 180, 1 - right}}), look});
    out.truth.push_back(azimuth);
  }
  return out;
}
const std::vector<int> kInOrder = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                       kShuffled = {7, 2, 10, 0, 5, 11, 3, 8, 1, 6, 4, 9};

TEST(AzimuthSet, TheOrderOfAWalkSettlesHalfATurn) {
  for (const double step : {30.0, -30.0, 18.0}) {
    const Walk taken = walk(kInOrder, step);
    const std::vector<AzimuthEstimate> without = consistent_azimuths(taken.set, OrderUse::ignore).estimates;
    EXPECT_GT(apart_deg(without[4].azimuth_deg, taken.truth[4]), 150);
    EXPECT_GT(apart_deg(without[8].azimuth_deg, taken.truth[8]), 150);
    const SetAzimuths with = consistent_azimuths(taken.set);
    EXPECT_EQ(with.order, step > 0 ? ShootingOrder::rising : ShootingOrder::falling);
    for (std::size_t i = 0; i < taken.set.size(); ++i) {
      EXPECT_LT(apart_deg(with.estimates[i].azimuth_deg, taken.truth[i]), 6) << step << " " << i;
      EXPECT_GT(with.estimates[i].confidence, i == 4 ? 0.6 : 0.9) << step << " " << i;
    }
  }
}

TEST(AzimuthSet, WithoutAWalksOrderNothingChanges) {
  const std::vector<int> few(kInOrder.begin(), kInOrder.begin() + 5);
  // 105 degrees each time: regular, but no walk.
  std::vector<int> strides;
  for (const int place : kInOrder) strides.push_back(place * 7 % 24);
  for (const Walk& taken : {walk(kShuffled, 30), walk(few, 30), walk(strides, 15)}) {
    const SetAzimuths with = consistent_azimuths(taken.set), without = consistent_azimuths(taken.set, OrderUse::ignore);
    EXPECT_EQ(with.order, ShootingOrder::untold);
    for (std::size_t i = 0; i < taken.set.size(); ++i) {
      EXPECT_EQ(with.estimates[i].azimuth_deg, without.estimates[i].azimuth_deg);
      EXPECT_EQ(with.estimates[i].confidence, without.estimates[i].confidence);
    }
  }
}

// A photograph that cannot tell a direction from another one.
at::Tensor two_peaks(double first_deg, double second_deg) {
  std::vector<float> logits;
  for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
    const auto peak = [&](double at) {
      const double off = apart_deg(kAzimuthBinDeg * static_cast<double>(b), at) / 8;
      return std::exp(-off * off / 2);
    };
    logits.push_back(static_cast<float>(1e-3 + peak(first_deg) + peak(second_deg)));
  }
  const at::Tensor shares = at::tensor(logits);
  return shares / shares.sum();
}

TEST(CommonAzimuth, KnownCamerasSettleWhatEachLeavesOpen) {
  // Cameras at 0, 52 and 171 degrees of a world in which 0 shows the vehicle from 118.
  const std::vector<double> standing = {0, 52, 171};
  const std::vector<at::Tensor> shares = {two_peaks(118, 298), two_peaks(170, 10), two_peaks(289, 71)};
  const AzimuthEstimate one = common_azimuth({shares[0]}, {0});
  EXPECT_LT(one.confidence, 0.6);
  const AzimuthEstimate all = common_azimuth(shares, standing);
  EXPECT_LT(apart_deg(all.azimuth_deg, 118), 1);
  EXPECT_GT(all.confidence, 0.95);
  // Many that err alike are no surer than eight.
  const std::vector<at::Tensor> many(40, two_peaks(0, 100)), eight(8, two_peaks(0, 100));
  EXPECT_NEAR(common_azimuth(many, std::vector<double>(40, 0.0)).confidence,
              common_azimuth(eight, std::vector<double>(8, 0.0)).confidence, 1e-3);
}

}  // namespace
}  // namespace spinfill
