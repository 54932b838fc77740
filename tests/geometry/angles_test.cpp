// SPDX-License-Identifier: Apache-2.0
#include "geometry/angles.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(Angles, WrappedLiesInOneTurn) {
  EXPECT_EQ(wrapped_deg(0), 0);
  EXPECT_EQ(wrapped_deg(725), 5);
  EXPECT_EQ(wrapped_deg(-90), 270);
  EXPECT_EQ(wrapped_deg(360), 0);
  EXPECT_EQ(wrapped_deg(-1e-17), 0) << "not 360";
}

TEST(Angles, TurnTakesTheShorterWay) {
  EXPECT_EQ(turn_deg(10, 350), 20);
  EXPECT_EQ(turn_deg(350, 10), -20);
  EXPECT_EQ(turn_deg(725, 5), 0);
  EXPECT_EQ(std::abs(turn_deg(0, 180)), 180);
}

TEST(Angles, ApartIsAlikeBothWays) {
  EXPECT_EQ(apart_deg(10, 350), 20);
  EXPECT_EQ(apart_deg(350, 10), 20);
  EXPECT_EQ(apart_deg(-45, 315), 0);
  EXPECT_EQ(apart_deg(90, 270), 180);
}

TEST(Angles, DegreesAreRadians) {
  EXPECT_NEAR(std::sin(90 * kDegree), 1, 1e-15);
}

}  // namespace
}  // namespace spinfill
