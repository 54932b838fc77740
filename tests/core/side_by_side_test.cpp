// SPDX-License-Identifier: Apache-2.0
#include "core/side_by_side.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

namespace spinfill {
namespace {

// Three torch threads here, and as before when the test ends.
class SideBySide : public ::testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(3); }
  static int threads_of_a_new_thread() {
    int threads = 0;
    std::thread([&] { threads = at::get_num_threads(); }).join();
    return threads;
  }
  KeepTorchThreads keep_;
};

TEST_F(SideBySide, ItemsRunTogetherWithOneTorchThreadEach) {
  std::latch all_here(3);
  const std::vector<std::string> results = side_by_side(3, [&](std::size_t i) {
    all_here.arrive_and_wait();
    return std::to_string(i) + ": " + std::to_string(at::get_num_threads());
  });
  EXPECT_EQ(results, (std::vector<std::string>{"0: 1", "1: 1", "2: 1"}));
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(threads_of_a_new_thread(), 3);
  EXPECT_TRUE(side_by_side(0, [](std::size_t i) { return i; }).empty());
}

TEST_F(SideBySide, ThrowsTheFirstExceptionInOrderWhenAllHaveEnded) {
  std::latch later_threw(1);
  std::atomic<int> ended = 0;
  const auto item = [&](std::size_t i) -> int {
    if (i == 1) later_threw.wait();
    ++ended;
    if (i == 2) later_threw.count_down();
    if (i > 0) throw std::runtime_error(std::to_string(i));
    return 0;
  };
  try {
    side_by_side(3, item);
    FAIL() << "no error was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(threads_of_a_new_thread(), 3);
}

}  // namespace
}  // namespace spinfill
