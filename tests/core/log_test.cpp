// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace spinfill {
namespace {

// Destroyed last, as what libraries leave behind; others may log for so long.
struct SlowEnd {
  ~SlowEnd() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }
};

TEST(LogDeathTest, OtherThreadsLogUntilTheProcessHasEnded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static const SlowEnd end;
        std::thread([] {
          while (true) log_line(LogLevel::error, "on");
        }).detach();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        std::exit(0);
      },
      testing::ExitedWithCode(0), "on");
}

}  // namespace
}  // namespace spinfill
