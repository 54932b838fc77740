// SPDX-License-Identifier: Apache-2.0
#include "data/batches/subsets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

#include "core/error.h"
#include "core/random.h"

namespace spinfill {

std::vector<int> possible_target_counts(const SubsetCounts& counts, int available) {
  std::vector<int> possible;
  if (counts.references.empty()) {
    for (const std::int64_t missing : counts.missing) {
      if (missing >= 1 && missing < available) possible.push_back(static_cast<int>(missing));
    }
  } else {
    for (const std::int64_t given : counts.references) {
      if (given >= 0 && given < available) possible.push_back(available - static_cast<int>(given));
    }
  }
  std::ranges::sort(possible);
  possible.erase(std::ranges::unique(possible).begin(), possible.end());
  return possible;
}

std::vector<int> target_counts(const SubsetCounts& counts, int available) {
  std::vector<int> possible = possible_target_counts(counts, available);
  if (possible.empty()) fail("data.missing: a set of {} views leaves nothing to give and to ask for", available);
  return possible;
}

Subset draw_subset(const SubsetCounts& counts, std::uint64_t seed, std::uint64_t sample, Slots available) {
  const std::vector<int> possible = target_counts(counts, static_cast<int>(available.count()));
  Random random(seed, sample, Stream::subset);
  const int missing = possible[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(possible.size())))];
  std::vector<int> slots;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (available[static_cast<std::size_t>(slot)]) slots.push_back(slot);
  }
  Subset subset{available, {}};
  for (int i = 0; i < missing; ++i) {  // the first steps of a Fisher–Yates shuffle
    const auto rest = static_cast<std::int64_t>(slots.size()) - i;
    std::swap(slots[static_cast<std::size_t>(i)], slots[static_cast<std::size_t>(i + random.integer(rest))]);
    subset.targets.set(static_cast<std::size_t>(slots[static_cast<std::size_t>(i)]));
  }
  subset.references &= ~subset.targets;
  return subset;
}

TargetCase target_case(int slot, Slots references) {
  if (slot % 4 == 0) return TargetCase::front_or_back;
  return references[static_cast<std::size_t>(mirrored_slot(slot))] ? TargetCase::mirror_given
                                                                   : TargetCase::side_without_mirror;
}

namespace {

// How often each slot, pair of slots and case is a target of the subsets taken so far.
class Tally {
 public:
  explicit Tally(const std::vector<Subset>& all) {
    for (const Subset& subset : all) {
      for (std::size_t s = 0; s < kSlots; ++s) {
        if (subset.targets[s]) ++total_of_case_[case_at(s, subset)];
      }
    }
  }

  // Least for the subset whose parts occurred least so far: first slots, then cases, then pairs. Squares of the counts
  // favour evenness.
  using Cost = std::tuple<double, double, double>;
  Cost cost(const Subset& subset) const {
    double slots = 0, cases = 0, pairs = 0;
    for (std::size_t s = 0; s < kSlots; ++s) {
      if (!subset.targets[s]) continue;
      slots += 2 * of_slot_[s] + 1;
      const std::size_t c = case_at(s, subset);
      cases += of_case_[c] / total_of_case_[c];
      for (std::size_t t = 0; t < s; ++t) {
        if (subset.targets[t]) pairs += 2 * of_pair_[s][t] + 1;
      }
    }
    return {slots, cases, pairs};
  }

  void add(const Subset& subset) {
    for (std::size_t s = 0; s < kSlots; ++s) {
      if (!subset.targets[s]) continue;
      ++of_slot_[s];
      ++of_case_[case_at(s, subset)];
      for (std::size_t t = 0; t < s; ++t) of_pair_[s][t] += subset.targets[t] ? 1 : 0;
    }
  }

 private:
  static std::size_t case_at(std::size_t slot, const Subset& subset) {
    return static_cast<std::size_t>(target_case(static_cast<int>(slot), subset.references));
  }
  std::array<int, kSlots> of_slot_{};
  std::array<std::array<int, kSlots>, kSlots> of_pair_{};
  std::array<double, 3> of_case_{}, total_of_case_{};
};

}  // namespace

std::vector<Subset> balanced_subsets(int targets, Slots available, std::uint64_t seed) {
  std::vector<Subset> left;
  for (unsigned bits = 1; bits < (1U << kSlots); ++bits) {
    const Slots chosen(bits);
    if (static_cast<int>(chosen.count()) == targets && (chosen & ~available).none()) {
      left.push_back({available & ~chosen, chosen});
    }
  }
  Random random(seed, static_cast<std::uint64_t>(targets), Stream::subset);
  for (std::size_t i = 1; i < left.size(); ++i) {
    std::swap(left[i], left[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(i) + 1))]);
  }
  Tally tally(left);
  std::vector<Subset> order;
  while (!left.empty()) {  // greedy; the first among equals
    auto best = left.begin();
    Tally::Cost best_cost{1e300, 0, 0};
    for (auto it = left.begin(); it != left.end(); ++it) {
      const Tally::Cost cost = tally.cost(*it);
      if (cost < best_cost) {
        best_cost = cost;
        best = it;
      }
    }
    tally.add(*best);
    order.push_back(*best);
    left.erase(best);
  }
  return order;
}

std::int64_t shuffled(std::int64_t count, std::uint64_t seed, std::uint64_t sample) {
  if (count < 1) fail("the data set holds no vehicles");
  struct Permutation {
    std::int64_t count = 0;
    std::uint64_t seed = 0, epoch = 0;
    std::vector<std::int64_t> order;
  };
  // A batch may lie across the end of an epoch, and of two data sets.
  static thread_local std::array<Permutation, 4> kept;
  static thread_local std::size_t oldest = 0;
  const std::uint64_t epoch = sample / static_cast<std::uint64_t>(count);
  auto found = std::ranges::find_if(kept, [&](const Permutation& p) {
    return p.count == count && p.seed == seed && p.epoch == epoch && !p.order.empty();
  });
  if (found == kept.end()) {
    found = kept.begin() + static_cast<std::ptrdiff_t>(oldest);
    oldest = (oldest + 1) % kept.size();
    Permutation& permutation = *found;
    permutation = {count, seed, epoch, std::vector<std::int64_t>(static_cast<std::size_t>(count))};
    std::iota(permutation.order.begin(), permutation.order.end(), 0);
    Random random(seed, epoch, Stream::order);
    for (std::int64_t i = count - 1; i > 0; --i) {
      std::swap(permutation.order[static_cast<std::size_t>(i)],
                permutation.order[static_cast<std::size_t>(random.integer(i + 1))]);
    }
  }
  return found->order[static_cast<std::size_t>(sample % static_cast<std::uint64_t>(count))];
}

MixedPosition mixed_position(double share, std::uint64_t seed, std::uint64_t sample) {
  const double shift = Random(seed, 0, Stream::replay).uniform();
  // Replayed ones among the first n samples.
  const auto before = [&](std::uint64_t n) {
    return static_cast<std::uint64_t>(std::floor(static_cast<double>(n) * share + shift));
  };
  const std::uint64_t replayed = before(sample);
  if (before(sample + 1) > replayed) return {true, replayed};
  return {false, sample - replayed};
}

}  // namespace spinfill
