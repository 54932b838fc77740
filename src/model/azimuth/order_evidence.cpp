// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/order_evidence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr int kAll = static_cast<int>(kAzimuthBins);
constexpr int kShuffled = 999;
constexpr double kChance = 0.02;
constexpr double kJumps = 0.05, kOpen = 0.5;  // shares of jumps; of walks that do not close
constexpr float kHalfTurn = 0.06F;            // share of single photographs that are turned by half a turn
constexpr double kNever = 1e-9;

// Walks of about 24, 12 and 8 photographs, in equal shares: von Mises distributions of the step.
struct Pace {
  double step_deg, deviation_deg;
};
constexpr Pace kPaces[] = {{15, 12}, {30, 20}, {50, 30}};

TurnTable steps(ShootingOrder order, double jumps) {
  const double onwards = order == ShootingOrder::rising ? 1 : -1;
  Eigen::Array<double, kAll, 1> density = Eigen::Array<double, kAll, 1>::Zero();
  for (const Pace& pace : kPaces) {
    const double kappa = 1 / std::pow(pace.deviation_deg * kDegree, 2);
    Eigen::Array<double, kAll, 1> one;
    for (int turn = 0; turn < kAll; ++turn)
      one[turn] = std::exp(kappa * (std::cos((turn * kAzimuthBinDeg - onwards * pace.step_deg) * kDegree) - 1));
    density += one / one.mean() / std::size(kPaces);
  }
  density = jumps + (1 - jumps) * density;
  TurnTable out;
  for (int from = 0; from < kAll; ++from)
    for (int to = 0; to < kAll; ++to) out(from, to) = static_cast<float>(density[(to - from + kAll) % kAll]);
  return out;
}

// Of each two photographs, how likely the second comes after the first: logarithms.
Eigen::MatrixXd follows(const std::vector<BinShares>& known, ShootingOrder order) {
  const TurnTable likelihood = step_likelihood(order);
  const auto count = static_cast<Eigen::Index>(known.size());
  Eigen::MatrixXd out(count, count);
  for (Eigen::Index first = 0; first < count; ++first) {
    const BinShares next = likelihood.transpose() * known[static_cast<std::size_t>(first)];
    for (Eigen::Index second = 0; second < count; ++second)
      out(first, second) =
          std::log(std::max(static_cast<double>(next.dot(known[static_cast<std::size_t>(second)])), kNever));
  }
  return out;
}

double along(const Eigen::MatrixXd& follows, const std::vector<Eigen::Index>& order) {
  double sum = 0;
  for (std::size_t i = 1; i < order.size(); ++i) sum += follows(order[i - 1], order[i]);
  return sum;
}

}  // namespace

TurnTable step_likelihood(ShootingOrder order) {
  return steps(order, kJumps);
}

TurnTable closing_likelihood(ShootingOrder order) {
  return steps(order, kOpen);
}

BinShares with_half_turn(const BinShares& shares) {
  BinShares out = (1 - kHalfTurn) * shares;
  for (int bin = 0; bin < kAll; ++bin) out[bin] += kHalfTurn * shares[(bin + kAll / 2) % kAll];
  return out;
}

ShootingOrder shooting_order(const std::vector<BinShares>& known) {
  if (known.size() < kFewestInOrder) return ShootingOrder::untold;
  const Eigen::MatrixXd rising = follows(known, ShootingOrder::rising),
                        falling = follows(known, ShootingOrder::falling);
  std::vector<Eigen::Index> order(known.size());
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  const double up = along(rising, order), down = along(falling, order);
  const double theirs = std::max(up, down);
  if (theirs <= 0) return ShootingOrder::untold;  // regular, perhaps, but no steps
  int as_likely = 1;                              // theirs
  Random random(0, 0, Stream::order);
  for (int shuffled = 0; shuffled < kShuffled; ++shuffled) {
    for (std::size_t i = order.size() - 1; i > 0; --i)
      std::swap(order[i], order[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(i) + 1))]);
    if (std::max(along(rising, order), along(falling, order)) >= theirs - kNever) ++as_likely;
  }
  if (as_likely > kChance * (kShuffled + 1)) return ShootingOrder::untold;
  return up >= down ? ShootingOrder::rising : ShootingOrder::falling;
}

}  // namespace spinfill
