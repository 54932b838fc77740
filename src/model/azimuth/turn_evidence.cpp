// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/turn_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/statistics.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr int kBins = static_cast<int>(kAzimuthBins);
constexpr int kReach = 12;                       // bins: 60°
constexpr std::size_t kFewest = 5;               // matches that say anything
constexpr double kLow = 0.15;                    // heights below the middle: wheels all look alike
constexpr double kTrue = 0.7, kTrueDeg = 32;     // share of true matches at Δ = 0; how it falls
constexpr double kHidden = 0.1;                  // of that share, where the second camera sees the point's side not
constexpr double kOff = 0.07, kDepthOff = 0.25;  // standard deviations: of a place, of the box's depth
constexpr double kDensest = 20;                  // likelihood ratio of one match, at most
constexpr double kWeight = 0.12;                 // of a match
constexpr float kMost = 8, kLeast = -2;          // of a pair
constexpr double kMirrored = 20;                 // degrees
constexpr double kNarrow = 0.85;                 // of both sides: the vehicle is so
constexpr double kOppositeEnds = 0.7, kOppositeSides = 1;

// The box as one camera sees it: the depth of what it shows at x, and whether that is a flank.
struct Shown {
  double depth;
  bool flank;
};
Shown shown_at(double x, double c, double s, const VehiclePlan& plan) {
  const double reach = 0.98 * (std::abs(s) * plan.half_length + std::abs(c) * plan.half_width);
  x = std::clamp(x, -reach, reach);
  constexpr double kNever = std::numeric_limits<double>::infinity(), kAlong = 1e-6;
  const double end = std::abs(c) < kAlong ? kNever : (std::copysign(plan.half_length, c) + x * s) / c;
  const double flank = std::abs(s) < kAlong ? kNever : (std::copysign(plan.half_width, s) - x * c) / s;
  return {std::min(end, flank), flank < end};
}

}  // namespace

VehiclePlan plan_of(std::vector<double> aspects) {
  VehiclePlan plan;
  if (aspects.empty()) return plan;
  std::ranges::sort(aspects);
  const auto wide = static_cast<std::size_t>(std::lround(0.9 * static_cast<double>(aspects.size() - 1)));
  plan.half_width = std::clamp(aspects.front() / 2, 0.5, 0.75);
  plan.half_length = std::max(std::clamp(aspects[wide] / 2, 0.9, 1.7), 1.6 * plan.half_width);
  return plan;
}

std::vector<double> relative_widths(const std::vector<double>& aspects, const std::vector<double>& azimuths_deg) {
  const VehiclePlan plan = plan_of(aspects);
  std::vector<double> out;
  for (std::size_t i = 0; i < aspects.size(); ++i) {
    const double along = std::abs(std::sin(azimuths_deg[i] * kDegree)) * plan.half_length;
    const double across = std::abs(std::cos(azimuths_deg[i] * kDegree)) * plan.half_width;
    out.push_back(aspects[i] / (2 * (along + across)));
  }
  const double usual = median(out);
  for (double& width : out) width /= usual;
  const std::vector<double> widths = out;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    double other_side = 0;
    for (std::size_t k = 0; k < widths.size(); ++k)
      if (apart_deg(azimuths_deg[i], -azimuths_deg[k]) < kMirrored &&
          apart_deg(azimuths_deg[i], azimuths_deg[k]) > 2 * kMirrored)
        other_side = std::max(other_side, widths[k]);
    if (other_side > 0 && other_side < kNarrow) out[i] = widths[i] / other_side;
  }
  return out;
}

TurnTable turn_evidence(const std::vector<LookMatch>& matches, double second_aspect, const VehiclePlan& plan) {
  TurnTable out = TurnTable::Zero();
  std::vector<LookMatch> told;
  for (const LookMatch& match : matches)
    if (match.first.y < kLow && match.second.y < kLow) told.push_back(match);
  if (told.size() < kFewest) return out;
  TurnTable direct = TurnTable::Zero();
  for (int first = 0; first < kBins; ++first) {
    const double c = std::cos(first * kAzimuthBinDeg * kDegree), s = std::sin(first * kAzimuthBinDeg * kDegree);
    std::vector<Shown> shown;
    for (const LookMatch& match : told) shown.push_back(shown_at(match.first.x, c, s, plan));
    for (int turn = -kReach; turn <= kReach; ++turn) {
      const int second = (first + turn + kBins) % kBins;
      const double cd = std::cos(turn * kAzimuthBinDeg * kDegree), sd = std::sin(turn * kAzimuthBinDeg * kDegree);
      const bool sees_end = c * std::cos(second * kAzimuthBinDeg * kDegree) > 0;
      const bool sees_flank = s * std::sin(second * kAzimuthBinDeg * kDegree) > 0;
      const double deviation = kOff + kDepthOff * std::abs(sd);
      const double peak = second_aspect / (deviation * std::sqrt(2 * std::numbers::pi));
      const double share = kTrue * std::exp(-std::pow(turn * kAzimuthBinDeg / kTrueDeg, 2));
      double sum = 0;
      for (std::size_t i = 0; i < told.size(); ++i) {
        const double off = (told[i].second.x - told[i].first.x * cd + sd * shown[i].depth) / deviation;
        const double part = (shown[i].flank ? sees_flank : sees_end) ? share : kHidden * share;
        sum += std::log(1 - part + part * std::min(peak * std::exp(-off * off / 2), kDensest));
      }
      direct(first, second) = static_cast<float>(kWeight * sum);
    }
  }
  for (int first = 0; first < kBins; ++first) {
    for (int second = 0; second < kBins; ++second) {
      const auto limited = [&](float value) { return value > 0 ? kMost * (1 - std::exp(-value / kMost)) : value; };
      const double sides =
          std::sqrt(std::abs(std::sin(first * kAzimuthBinDeg * kDegree) * std::sin(second * kAzimuthBinDeg * kDegree)));
      const float across = limited(direct(first, (second + kBins / 2) % kBins));
      const float own = std::max(limited(direct(first, second)), kLeast);
      const auto opposite = static_cast<float>(kOppositeEnds + (kOppositeSides - kOppositeEnds) * sides) * across;
      out(first, second) = across > 0 ? std::max(own, opposite) : own;
    }
  }
  return out;
}

}  // namespace spinfill
