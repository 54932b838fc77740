// SPDX-License-Identifier: Apache-2.0
#include "core/stopwatch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace spinfill {
namespace {

TEST(Stopwatch, CountsSecondsSinceItWasRestarted) {
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double waited = watch.seconds();
  EXPECT_GE(waited, 0.02);
  EXPECT_LT(waited, 60);
  EXPECT_GE(watch.seconds(), waited);
  watch.restart();
  const Stopwatch other;
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double later = other.seconds();
  EXPECT_GE(watch.seconds(), later) << "restarted before the other was made";
}

}  // namespace
}  // namespace spinfill
