// SPDX-License-Identifier: Apache-2.0
#include "metrics/estimates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/random.h"

namespace spinfill {
namespace {

VehicleSums of(const std::vector<VehicleSum>& vehicles) {
  VehicleSums sums;
  for (std::size_t i = 0; i < vehicles.size(); ++i) sums[std::to_string(i)] = vehicles[i];
  return sums;
}

// Drawn vehicles of one image each.
VehicleSums drawn(std::int64_t count, double mean, double deviation, std::uint64_t seed) {
  VehicleSums sums;
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(seed, static_cast<std::uint64_t>(i), Stream::test);
    sums[std::to_string(i)] = {mean + deviation * random.normal(), 1};
  }
  return sums;
}

// scipy.stats.t.ppf(0.975, ν)
TEST(Estimates, StudentsQuantile) {
  const std::vector<std::pair<std::int64_t, double>> expected = {
      {1, 12.7062047362}, {2, 4.3026527297},  {7, 2.3646242516},  {10, 2.2281388520}, {11, 2.2009851601},
      {15, 2.1314495456}, {29, 2.0452296421}, {99, 1.9842169516}, {999, 1.9623414611}};
  for (const auto& [degrees, t] : expected) EXPECT_NEAR(student_975(degrees), t, 2e-4) << degrees;
}

// numpy: three vehicles of equally many images, so that the ratio's standard error is that of a mean.
TEST(Estimates, OfFewVehiclesStudentsInterval) {
  const Estimate estimate = estimate_mean(of({{2, 2}, {6, 2}, {4, 2}}));  // means 1, 3, 2
  EXPECT_DOUBLE_EQ(estimate.mean, 2);
  EXPECT_EQ(estimate.images, 6);
  EXPECT_EQ(estimate.vehicles, 3);
  EXPECT_NEAR(estimate.deviation, 1, 1e-12);
  ASSERT_TRUE(estimate.interval);
  EXPECT_NEAR((*estimate.interval)[0], 2 - 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR((*estimate.interval)[1], 2 + 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_FALSE(estimate_mean(of({{2, 2}})).interval);
  EXPECT_TRUE(std::isnan(estimate_mean({}).mean));
  EXPECT_EQ(estimate_mean(of({{2, 2}, {0, 0}})).vehicles, 1) << "without an image it tells nothing";
}

// Many images of a vehicle are no more vehicles.
TEST(Estimates, ImagesOfOneVehicleAreAlike) {
  VehicleSums once = drawn(12, 0, 1, 3), often = once;
  for (auto& [id, vehicle] : often) vehicle = {100 * vehicle.sum, 100};
  EXPECT_NEAR((*estimate_mean(once).interval)[0], (*estimate_mean(often).interval)[0], 1e-9);
}

// The interval holds the truth as often as it says.
TEST(Estimates, IntervalsHoldWhatTheySay) {
  for (const std::int64_t vehicles : {3, 7, 8, 12, 40}) {
    int holds = 0;
    const int rounds = 400;
    for (int i = 0; i < rounds; ++i) {
      const Estimate estimate = estimate_mean(drawn(vehicles, 1.5, 2, static_cast<std::uint64_t>(1000 * vehicles + i)));
      holds += (*estimate.interval)[0] <= 1.5 && 1.5 <= (*estimate.interval)[1];
    }
    // 95 % ± three standard deviations of 400 rounds; a bootstrap of few vehicles is a little narrow.
    EXPECT_GE(holds, 0.91 * rounds) << vehicles;
    EXPECT_LE(holds, 0.985 * rounds) << vehicles;
  }
}

TEST(Estimates, AreAlwaysTheSame) {
  const VehicleSums sums = drawn(20, 0, 1, 7);
  const Estimate first = estimate_mean(sums);
  estimate_mean(drawn(9, 0, 1, 8));
  EXPECT_EQ(estimate_mean(sums).interval, first.interval);
}

// Lehr's rule, exact: with so many vehicles four of five intervals exclude zero.
TEST(Estimates, SoManyVehiclesWouldTell) {
  EXPECT_EQ(vehicles_needed(1, 0.5), 32);  // (2.8016/0.5)² = 31.4
  EXPECT_EQ(vehicles_needed(0, 0.5), 0);
  EXPECT_LE(vehicles_needed(1, 0), 1000000000);
  int tell = 0;
  for (std::uint64_t i = 0; i < 300; ++i) tell += estimate_mean(drawn(34, 0.5, 1, 5000 + i)).excludes_zero();
  EXPECT_NEAR(tell / 300.0, 0.8, 0.08);
}

}  // namespace
}  // namespace spinfill
