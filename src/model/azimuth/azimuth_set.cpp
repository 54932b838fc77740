// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_set.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include <Eigen/Core>

#include "core/side_by_side.h"
#include "geometry/angles.h"
#include "model/azimuth/order_evidence.h"
#include "model/azimuth/turn_evidence.h"

namespace spinfill {
namespace {

using Bins = BinShares;

constexpr float kLeastShare = 1e-3F;  // a photograph rules nothing out
constexpr int kRounds = 30;
constexpr float kDamping = 0.5F;
// Of more, fewer points each are compared, and of each photograph's pairs with later ones the strongest count.
constexpr std::size_t kManyPhotographs = 32;

// Rear lamps.
constexpr double kLampWeight = 2;    // logarithm
constexpr double kLampFloor = 5e-4;  // a share of red that says nothing
constexpr double kPaintedRed = 0.04;

double quantile(std::vector<double> values, double at) {
  std::ranges::sort(values);
  const double place = at * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

// How much each photograph shows the back, in [−1, 1], by the lamps' red; zeros where red tells nothing: the paint is
// red, or all have about the same.
std::vector<double> backs(const std::vector<PhotographOfSet>& set) {
  std::vector<double> red, out(set.size(), 0.0);
  for (const PhotographOfSet& one : set) red.push_back(one.look.lamp_red);
  if (quantile(red, 0.5) > kPaintedRed) return out;
  const double low = std::log(quantile(red, 0.15) + kLampFloor), high = std::log(quantile(red, 0.9) + kLampFloor);
  const double sure = std::tanh((high - low) / 3);
  for (std::size_t i = 0; i < set.size(); ++i)
    out[i] = sure * std::tanh(std::log(red[i] + kLampFloor) - (low + high) / 2);
  return out;
}

std::vector<Bins> own_evidence(const std::vector<PhotographOfSet>& set, ShootingOrder order) {
  const std::vector<double> back = backs(set);
  std::vector<Bins> out;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const at::Tensor shares = set[i].shares.contiguous();
    const Eigen::Map<const Bins> alone(shares.const_data_ptr<float>());
    const Bins p = order == ShootingOrder::untold ? Bins(alone) : with_half_turn(alone);
    Bins own;
    for (Eigen::Index b = 0; b < own.size(); ++b)
      own[b] = std::log(p[b] + kLeastShare) -
               static_cast<float>(kLampWeight * back[i] * std::cos(kAzimuthBinDeg * static_cast<double>(b) * kDegree));
    out.push_back(own);
  }
  return out;
}

struct Pair {
  std::size_t first = 0, second = 0;
  float strength = 0;        // the range of its evidence
  TurnTable likelihood;      // exp(turn_evidence), at most 1
  Bins to_first, to_second;  // messages, logarithms
};

std::vector<Pair> pairs_of(const std::vector<PhotographOfSet>& set) {
  std::vector<double> aspects;
  for (const PhotographOfSet& one : set) aspects.push_back(one.look.aspect);
  const VehiclePlan plan = plan_of(aspects);
  const std::size_t most = kMostPoints * kManyPhotographs / std::max(set.size(), kManyPhotographs);
  // Every other row each: about equally many pairs.
  const auto threads = static_cast<std::size_t>(std::max(1, processors()));
  const auto parts = side_by_side(threads, [&](std::size_t part) {
    std::vector<Pair> own;
    for (std::size_t first = part; first < set.size(); first += threads) {
      std::vector<Pair> row;
      for (std::size_t second = first + 1; second < set.size(); ++second) {
        const auto matches = look_matches(set[first].look, set[second].look, most);
        TurnTable table = turn_evidence(matches, set[second].look.aspect, plan);
        if (table.isZero(0)) continue;
        const float strength = table.maxCoeff() - table.minCoeff();
        table.array() -= table.maxCoeff();
        row.push_back({first, second, strength, table.array().exp(), Bins::Zero(), Bins::Zero()});
      }
      std::ranges::stable_sort(row, std::ranges::greater(), &Pair::strength);
      row.resize(std::min(row.size(), kManyPhotographs));
      own.insert(own.end(), row.begin(), row.end());
    }
    return own;
  });
  std::vector<Pair> out;
  for (const std::vector<Pair>& part : parts) out.insert(out.end(), part.begin(), part.end());
  std::ranges::sort(
      out, [](const Pair& a, const Pair& b) { return a.first != b.first ? a.first < b.first : a.second < b.second; });
  return out;
}

// Two photographs that nothing but their order ties together get a pair of their own.
void put_likelihood(std::vector<Pair>& pairs, std::size_t first, std::size_t second, const TurnTable& likelihood) {
  const TurnTable scaled = likelihood / likelihood.maxCoeff();
  const auto pair =
      std::ranges::find_if(pairs, [&](const Pair& one) { return one.first == first && one.second == second; });
  if (pair == pairs.end())
    pairs.push_back({first, second, 0, scaled, {}, {}});
  else
    pair->likelihood.array() *= scaled.array();
}

void put_order(std::vector<Pair>& pairs, std::size_t photographs, ShootingOrder order) {
  const TurnTable step = step_likelihood(order);
  for (std::size_t i = 1; i < photographs; ++i) put_likelihood(pairs, i - 1, i, step);
  put_likelihood(pairs, 0, photographs - 1, closing_likelihood(order).transpose());
}

std::vector<Bins> beliefs_of(const std::vector<Bins>& own, const std::vector<Pair>& pairs) {
  std::vector<Bins> out = own;
  for (const Pair& pair : pairs) {
    out[pair.first] += pair.to_first;
    out[pair.second] += pair.to_second;
  }
  return out;
}

Bins shares_of(const Bins& logarithms) {
  const Bins raised = (logarithms.array() - logarithms.maxCoeff()).exp();
  return raised / raised.sum();
}

// The message that `through` makes of what is known without it.
template <class Table>
Bins message(const Bins& known, const Table& through, const Bins& before) {
  const Bins sum = through * shares_of(known);
  const Bins now = (sum.array() / sum.maxCoeff() + 1e-30F).log();
  return kDamping * before + (1 - kDamping) * now;
}

std::vector<Bins> marginals(const std::vector<Bins>& own, std::vector<Pair>& pairs) {
  for (Pair& pair : pairs) pair.to_first = pair.to_second = Bins::Zero();
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Bins> beliefs = beliefs_of(own, pairs);
    for (Pair& pair : pairs) {
      const Bins first = beliefs[pair.first] - pair.to_first, second = beliefs[pair.second] - pair.to_second;
      pair.to_second = message(first, pair.likelihood.transpose(), pair.to_second);
      pair.to_first = message(second, pair.likelihood, pair.to_first);
    }
  }
  std::vector<Bins> out;
  for (const Bins& belief : beliefs_of(own, pairs)) out.push_back(shares_of(belief));
  return out;
}

// The set tells which direction of several, the photograph by itself is finer: towards its own mean within ±22.5° of
// the estimate, as far as it holds that direction likely.
double refined_deg(double azimuth_deg, const at::Tensor& own) {
  constexpr double kNearDeg = 22.5;
  const at::Tensor shares = own.contiguous();
  const float* p = shares.const_data_ptr<float>();
  double mass = 0, moment = 0;
  for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
    const double turn = turn_deg(kAzimuthBinDeg * static_cast<double>(b), azimuth_deg);
    if (std::abs(turn) > kNearDeg) continue;
    mass += p[b];
    moment += p[b] * turn;
  }
  return mass > 0 ? wrapped_deg(azimuth_deg + moment / mass * std::min(1.0, 2 * mass)) : azimuth_deg;
}

}  // namespace

SetAzimuths consistent_azimuths(const std::vector<PhotographOfSet>& set, OrderUse use) {
  SetAzimuths out;
  if (set.empty()) return out;
  if (set.size() == 1) return {{estimate_of(set[0].shares)}};
  std::vector<Pair> pairs = pairs_of(set);
  std::vector<Bins> found = marginals(own_evidence(set, ShootingOrder::untold), pairs);
  if (use == OrderUse::automatic) out.order = shooting_order(found);
  if (out.order != ShootingOrder::untold) {
    put_order(pairs, set.size(), out.order);
    found = marginals(own_evidence(set, out.order), pairs);
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    at::Tensor shares = at::empty({kAzimuthBins}, at::kFloat);
    Eigen::Map<Bins>(shares.mutable_data_ptr<float>()) = found[i];
    out.estimates.push_back(estimate_of(shares));
    AzimuthEstimate& one = out.estimates.back();
    one.azimuth_deg = refined_deg(one.azimuth_deg, set[i].shares);
  }
  return out;
}

AzimuthEstimate common_azimuth(const std::vector<at::Tensor>& shares, const std::vector<double>& standing_deg) {
  constexpr double kIndependent = 8;
  std::vector<double> logarithms(kAzimuthBins, 0.0);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const at::Tensor own = shares[i].contiguous();
    const float* p = own.const_data_ptr<float>();
    for (std::int64_t b = 0; b < kAzimuthBins; ++b) {
      const double place = wrapped_deg(kAzimuthBinDeg * static_cast<double>(b) + standing_deg[i]) / kAzimuthBinDeg;
      const auto below = static_cast<std::int64_t>(place);
      const double part = place - static_cast<double>(below);
      const double share = (1 - part) * p[below % kAzimuthBins] + part * p[(below + 1) % kAzimuthBins];
      logarithms[static_cast<std::size_t>(b)] += std::log(share + kLeastShare);
    }
  }
  const double weight = std::min(1.0, kIndependent / static_cast<double>(shares.size()));
  const double most = std::ranges::max(logarithms);
  at::Tensor together = at::empty({kAzimuthBins}, at::kFloat);
  for (std::int64_t b = 0; b < kAzimuthBins; ++b)
    together[b] = std::exp(weight * (logarithms[static_cast<std::size_t>(b)] - most));
  return estimate_of(together / together.sum());
}

}  // namespace spinfill
