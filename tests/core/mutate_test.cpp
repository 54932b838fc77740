// SPDX-License-Identifier: Apache-2.0
#include "support/mutate.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/error.h"

namespace spinfill::test {
namespace {

const std::string kValid = "a valid input of some length, 0123456789";

TEST(Mutate, IsTheSameInEveryRunAndDiffersBetweenIterationsAndSeeds) {
  std::vector<std::string> first, second, other_seed;
  mutate_and_try(kValid, [&](std::string_view bytes) { first.emplace_back(bytes); });
  mutate_and_try(kValid, [&](std::string_view bytes) { second.emplace_back(bytes); });
  mutate_and_try(
      kValid, [&](std::string_view bytes) { other_seed.emplace_back(bytes); }, 2);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other_seed);
  EXPECT_GT(std::set<std::string>(first.begin(), first.end()).size(), std::min<std::size_t>(first.size(), 300) / 2);
}

TEST(Mutate, ShortensLengthensAndChanges) {
  int shorter = 0, longer = 0, same = 0;
  mutate_and_try(kValid, [&](std::string_view bytes) {
    shorter += bytes.size() < kValid.size();
    longer += bytes.size() > kValid.size();
    same += bytes == kValid;
  });
  EXPECT_GT(shorter, fuzz_iterations() / 20);
  EXPECT_GT(longer, fuzz_iterations() / 20);
  EXPECT_LT(same, fuzz_iterations() / 10);
}

TEST(Mutate, WorksOnNothing) {
  mutate_and_try("", [](std::string_view bytes) { EXPECT_LT(bytes.size(), 100u); });
}

TEST(Mutate, CountsErrorsAndReportsOtherExceptions) {
  EXPECT_EQ(mutate_and_try(kValid, [](std::string_view) { fail("refused"); }), fuzz_iterations());
  EXPECT_NONFATAL_FAILURE(mutate_and_try(kValid,
                                         [once = true](std::string_view) mutable {
                                           if (std::exchange(once, false)) throw std::out_of_range("escaped");
                                         }),
                          "escaped");
}

}  // namespace
}  // namespace spinfill::test
