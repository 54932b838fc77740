// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace spinfill {
namespace {

// Known answers of Random123's distribution (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, KnownAnswers) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, IsAFunctionOfSeedIndexAndStream) {
  Random a(7, 3, Stream::test), b(7, 3, Stream::test);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.bits64(), b.bits64());
  std::set<std::uint64_t> first;
  for (std::uint64_t seed : {std::uint64_t{7}, std::uint64_t{8}, std::uint64_t{7} << 32})
    for (std::uint64_t index : {std::uint64_t{3}, std::uint64_t{4}, std::uint64_t{3} << 32})
      for (Stream stream : {Stream::order, Stream::subset, Stream::test})
        first.insert(Random(seed, index, stream).bits64());
  EXPECT_EQ(first.size(), 27u);
}

TEST(Random, StreamsAreUncorrelated) {
  Random a(1, 0, Stream::noise), b(1, 0, Stream::sampling);
  const int n = 20000;
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5) * 12;
  EXPECT_LT(std::abs(sum / n), 4 / std::sqrt(n));
}

TEST(Random, UniformHasTheRightMoments) {
  Random random(1, 1, Stream::test);
  const int n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.uniform(-2, 4);
    ASSERT_TRUE(x >= -2 && x < 4);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 1, 0.03);
  EXPECT_NEAR(squares / n, 4, 0.06);  // variance 36/12 plus mean squared
}

TEST(Random, IntegerIsUnbiasedAndInRange) {
  Random random(1, 2, Stream::test);
  std::vector<int> counts(7);
  const int n = 70000;
  for (int i = 0; i < n; ++i) ++counts.at(static_cast<std::size_t>(random.integer(7)));
  double chi_squared = 0;
  for (int count : counts) chi_squared += std::pow(count - n / 7.0, 2) / (n / 7.0);
  EXPECT_LT(chi_squared, 22.5);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(random.integer(1), 0);
  // Without rejection, values of a range of 3·2^61 would fall into its first third 3 times in 8.
  const std::int64_t wide = std::int64_t{3} << 61;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random.integer(wide) < wide / 3;
  EXPECT_NEAR(low / 30000.0, 1.0 / 3, 0.012);
}

TEST(Random, NormalHasTheRightMoments) {
  Random random(1, 3, Stream::test);
  const int n = 100000;
  double moments[5] = {};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(x, k) / n;
  }
  EXPECT_NEAR(moments[1], 0, 0.015);
  EXPECT_NEAR(moments[2], 1, 0.02);
  EXPECT_NEAR(moments[3], 0, 0.05);
  EXPECT_NEAR(moments[4], 3, 0.15);
}

}  // namespace
}  // namespace spinfill
