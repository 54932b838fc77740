// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/sets/slots.h"

namespace spinfill {

// How many views are missing, or how many are given (used when not empty). One count is drawn uniformly per sample.
struct SubsetCounts {
  std::vector<std::int64_t> missing = {1, 2, 3};
  std::vector<std::int64_t> references = {};
};

// Disjoint; together all available views.
struct Subset {
  Slots references, targets;
  bool operator==(const Subset&) const = default;
};

// The target counts that are possible with so many available views, ascending: at least one target, and at least one
// reference unless the counts ask for none.
std::vector<int> possible_target_counts(const SubsetCounts& counts, int available);
// The same; exit 3 when nothing is possible.
std::vector<int> target_counts(const SubsetCounts& counts, int available);

// A pure function of (seed, sample): first how many are missing, uniformly, then which ones, uniformly without
// replacement.
Subset draw_subset(const SubsetCounts& counts, std::uint64_t seed, std::uint64_t sample, Slots available);

// A fixed list of subsets with `targets` missing views, in an order that has every azimuth, every pair and every case
// (mirror view given, front or back, side without mirror) about equally often from the start; it holds each subset
// once, so item i is to be taken modulo its length. The seed settles ties.
std::vector<Subset> balanced_subsets(int targets, Slots available, std::uint64_t seed);

// What a target can lean on.
enum class TargetCase { mirror_given, front_or_back, side_without_mirror };
TargetCase target_case(int slot, Slots references);

// Position → vehicle: in each epoch every one of `count` vehicles comes once, in an order drawn for that epoch.
// A pure function of its arguments; the last permutations are cached per thread.
std::int64_t shuffled(std::int64_t count, std::uint64_t seed, std::uint64_t sample);

// Whether a sample is a replayed one, and its position among those of its kind. ⌊n·share⌋ or one more of the first n
// samples are replayed, evenly spread, so that every batch has its share; the seed shifts them. A pure function of its
// arguments; share in [0, 1).
struct MixedPosition {
  bool replayed = false;
  std::uint64_t position = 0;
};
MixedPosition mixed_position(double share, std::uint64_t seed, std::uint64_t sample);

}  // namespace spinfill
