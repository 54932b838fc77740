// SPDX-License-Identifier: Apache-2.0
#include "data/batches/subsets.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "support/support.h"

namespace spinfill {
namespace {

const Slots kAll(255);

TEST(Subsets, AreDisjointCompleteAndPure) {
  for (std::uint64_t sample = 0; sample < 2000; ++sample) {
    const Subset subset = draw_subset({}, 7, sample, kAll);
    EXPECT_TRUE((subset.references & subset.targets).none());
    EXPECT_EQ(subset.references | subset.targets, kAll);
    EXPECT_GE(subset.targets.count(), 1U);
    EXPECT_LE(subset.targets.count(), 3U);
    EXPECT_EQ(draw_subset({}, 7, sample, kAll), subset);
  }
}

// 92 subsets: 8 of one view, 28 of two, 56 of three, of probability 1/24, 1/84 and 1/168.
TEST(Subsets, FollowTheExactDistribution) {
  constexpr int kDraws = 168000;
  std::map<unsigned long, int> seen;
  for (std::uint64_t sample = 0; sample < kDraws; ++sample) ++seen[draw_subset({}, 3, sample, kAll).targets.to_ulong()];
  ASSERT_EQ(seen.size(), 92U);
  const std::map<std::size_t, double> subsets_of = {{1, 8}, {2, 28}, {3, 56}};
  double chi_square = 0;
  for (const auto& [bits, count] : seen) {
    const double expected = kDraws / 3.0 / subsets_of.at(Slots(bits).count());
    chi_square += (count - expected) * (count - expected) / expected;
  }
  // 91 degrees of freedom: mean 91, 0.001 and 0.999 quantiles 53.0 and 137.2.
  EXPECT_GT(chi_square, 53.0);
  EXPECT_LT(chi_square, 137.2);
}

TEST(Subsets, SeedsGiveDifferentDraws) {
  int equal = 0;
  for (std::uint64_t sample = 0; sample < 1000; ++sample) {
    equal += draw_subset({}, 1, sample, kAll) == draw_subset({}, 2, sample, kAll) ? 1 : 0;
  }
  EXPECT_LT(equal, 60);  // Σp² = 0.0205
}

TEST(Subsets, CountsAreConfigurable) {
  for (std::uint64_t sample = 0; sample < 300; ++sample) {
    EXPECT_EQ(draw_subset({.references = {1}}, 1, sample, kAll).references.count(), 1U);
    const auto given = draw_subset({.references = {0, 1, 3}}, 1, sample, kAll).references.count();
    EXPECT_TRUE(given == 0 || given == 1 || given == 3);
    EXPECT_EQ(draw_subset({.missing = {2}}, 1, sample, kAll).targets.count(), 2U);
  }
  EXPECT_EQ(target_counts({.references = {0, 1, 3}}, 8), (std::vector<int>{5, 7, 8}));
}

TEST(Subsets, ASetWithFewerViewsGivesOnlyThose) {
  const Slots available(0b01101001);
  std::set<std::size_t> counts;
  for (std::uint64_t sample = 0; sample < 300; ++sample) {
    const Subset subset = draw_subset({}, 1, sample, available);
    EXPECT_EQ(subset.references | subset.targets, available);
    EXPECT_TRUE(subset.references.any());
    counts.insert(subset.targets.count());
  }
  EXPECT_EQ(counts, (std::set<std::size_t>{1, 2, 3}));
  EXPECT_EQ(target_counts({}, 3), (std::vector<int>{1, 2}));
  test::expect_error(ExitCode::runtime, {"1 views"}, [] { draw_subset({}, 1, 0, Slots(1)); });
}

TEST(Subsets, CasesOfTargets) {
  EXPECT_EQ(target_case(0, Slots(0b11111110)), TargetCase::front_or_back);
  EXPECT_EQ(target_case(4, kAll), TargetCase::front_or_back);
  EXPECT_EQ(target_case(1, Slots(0b11111101)), TargetCase::mirror_given);
  EXPECT_EQ(target_case(1, Slots(0b01111101)), TargetCase::side_without_mirror);
}

TEST(BalancedSubsets, HoldEachSubsetOnceAndBalanceFromTheStart) {
  for (const auto& [targets, total] : std::map<int, std::size_t>{{1, 8}, {2, 28}, {3, 56}}) {
    const auto list = balanced_subsets(targets, kAll, 5);
    ASSERT_EQ(list.size(), total);
    std::set<unsigned long> distinct;
    std::array<int, 8> of_slot{};
    for (std::size_t i = 0; i < list.size(); ++i) {
      distinct.insert(list[i].targets.to_ulong());
      EXPECT_EQ(list[i].targets.count(), static_cast<std::size_t>(targets));
      EXPECT_EQ(list[i].references, ~list[i].targets);
      for (std::size_t s = 0; s < 8; ++s) of_slot[s] += list[i].targets[s] ? 1 : 0;
      const auto [least, most] = std::minmax_element(of_slot.begin(), of_slot.end());
      EXPECT_LE(*most - *least, 2) << "after " << i + 1;
    }
    EXPECT_EQ(distinct.size(), total);
  }
  // 24 vehicles, two missing: cases in their proportions (of 56 targets 6 without mirror).
  int without_mirror = 0;
  const auto list = balanced_subsets(2, kAll, 5);
  for (std::size_t i = 0; i < 24; ++i) {
    for (int s = 0; s < 8; ++s) {
      if (list[i].targets[static_cast<std::size_t>(s)]) {
        without_mirror += target_case(s, list[i].references) == TargetCase::side_without_mirror ? 1 : 0;
      }
    }
  }
  EXPECT_GE(without_mirror, 2);
  EXPECT_LE(without_mirror, 8);
}

TEST(SampleOrder, EveryVehicleOncePerEpochInAnotherOrder) {
  constexpr std::int64_t kCount = 37;
  std::vector<std::vector<std::int64_t>> epochs;
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    auto& order = epochs.emplace_back();
    for (std::uint64_t i = 0; i < kCount; ++i) order.push_back(shuffled(kCount, 9, epoch * kCount + i));
    EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), static_cast<std::size_t>(kCount));
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  EXPECT_EQ(shuffled(kCount, 9, 2 * kCount + 5), epochs[2][5]);  // any place, any time
  EXPECT_EQ(shuffled(kCount, 9, 5), epochs[0][5]);
  EXPECT_EQ(shuffled(1, 9, 12345), 0);
  test::expect_error(ExitCode::runtime, {"no vehicles"}, [] { shuffled(0, 1, 1); });
}

TEST(SampleOrder, IsUniform) {
  std::map<std::vector<std::int64_t>, int> seen;
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) {
    std::vector<std::int64_t> order;
    for (std::uint64_t i = 0; i < 4; ++i) order.push_back(shuffled(4, 11, 4 * epoch + i));
    ++seen[order];
  }
  ASSERT_EQ(seen.size(), 24U);
  double chi_square = 0;
  for (const auto& [order, count] : seen) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 49.7);  // 23 degrees of freedom, 0.999 quantile
}

}  // namespace
}  // namespace spinfill
