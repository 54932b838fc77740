// SPDX-License-Identifier: Apache-2.0
#include "metrics/feature_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/side_by_side.h"

namespace spinfill {
namespace {

at::Tensor plain(float value, std::int64_t side = 4) {
  return at::full({1, 3, side, side}, value);
}
constexpr std::uint64_t kBytes = 1000 * sizeof(float);  // of what `thousand` makes

FeatureCache::Features thousand() {
  return {at::ones({600}), at::ones({400})};
}

TEST(FeatureCache, MakesThoseOfAPictureOnceBySizeAndValues) {
  FeatureCache cache(100 * kBytes);
  const auto first = cache.of(plain(0.5), thousand);
  EXPECT_EQ(cache.of(plain(0.5).clone(), thousand), first);
  EXPECT_EQ(cache.made(), 1);
  cache.of(plain(0.25), thousand);
  cache.of(plain(0.5).view({1, 3, 2, 8}), thousand);
  cache.of(plain(0.5, 5), thousand);
  EXPECT_EQ(cache.made(), 4);
  EXPECT_EQ(cache.bytes(), 4 * kBytes);
}

TEST(FeatureCache, ForgetsTheLeastRecentlyUsed) {
  FeatureCache cache(2 * kBytes);
  cache.of(plain(1), thousand);
  cache.of(plain(2), thousand);
  cache.of(plain(1), thousand);
  cache.of(plain(3), thousand);  // takes the place of 2
  EXPECT_EQ(cache.bytes(), 2 * kBytes);
  EXPECT_EQ(cache.made(), 3);
  cache.of(plain(1), thousand);
  EXPECT_EQ(cache.made(), 3);
  cache.of(plain(2), thousand);
  EXPECT_EQ(cache.made(), 4);
  FeatureCache none(kBytes - 1);
  EXPECT_EQ(none.of(plain(1), thousand)->size(), 2U);
  EXPECT_EQ(none.bytes(), 0U);
}

TEST(FeatureCache, ThreadsThatAskAtOnceShareOneMaking) {
  FeatureCache cache(100 * kBytes);
  for (int round = 0; round < 20; ++round) {
    side_by_side(6, [&](std::size_t i) { return cache.of(plain(static_cast<float>(round + i % 2)), thousand); });
  }
  EXPECT_EQ(cache.made(), 21);
}

TEST(FeatureCache, AFailureComesOutAndIsTriedAgain) {
  FeatureCache cache(100 * kBytes);
  EXPECT_THROW(cache.of(plain(1), []() -> FeatureCache::Features { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(cache.of(plain(1), thousand)->size(), 2U);
  EXPECT_EQ(cache.made(), 2);
}

}  // namespace
}  // namespace spinfill
