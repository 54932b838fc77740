// SPDX-License-Identifier: Apache-2.0
#include "core/statistics.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(Statistics, MeanOfSomeAndOfNone) {
  EXPECT_EQ(mean({1, 2, 6}), 3);
  EXPECT_EQ(mean({-4}), -4);
  EXPECT_EQ(mean({}), 0);
}

TEST(Statistics, MedianIsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 2}), 3);
  EXPECT_EQ(median({0.1}), 0.1);
  EXPECT_EQ(median({}), 0);
}

}  // namespace
}  // namespace spinfill
