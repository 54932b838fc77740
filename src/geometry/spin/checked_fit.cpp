// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/checked_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <utility>

#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kUnbelievable = 15;       // degrees of an azimuth's correction: it or the mask is wrong
constexpr std::size_t kFewOfThem = 4;      // views for each that is left out for that
constexpr double kContradiction = 0.7;     // share of the others' cost that one wrong mask causes
constexpr double kTolerable = 0.004;       // mean miss, lengths: nothing is wrong below
constexpr std::size_t kFewestToDoubt = 4;  // references: with fewer none can be outvoted

// Fits with both spreads at once, each on a processor of its own; returns the better fit.
SpinFit better_fit(const std::vector<SpinView>& views, bool& hand_held) {
  SpinFitOptions studio, walk;
  walk.spread = hand_held_spread();
  auto other = std::async(std::launch::async, [&] { return fit_spin(views, walk); });
  SpinFit fit = fit_spin(views, studio), loose = other.get();
  hand_held = loose.evidence > fit.evidence;
  return hand_held ? loose : fit;
}

double mean_miss(const SpinFit& fit, const std::vector<SpinView>& views) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!views[i].trusted) continue;
    sum += fit.miss[i];
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

// The view whose mask the others contradict, or −1: without it most of their misses are gone, or it misses them itself.
int contradicted(const SpinFit& fit, const std::vector<SpinView>& views) {
  if (views.size() < kFewestToDoubt) return -1;
  const auto worst = std::max_element(fit.blame.begin(), fit.blame.end()) - fit.blame.begin();
  double others = 0;
  for (std::size_t i = 0; i < views.size(); ++i)
    if (static_cast<std::ptrdiff_t>(i) != worst) others += fit.miss[i] / static_cast<double>(views.size() - 1);
  if (fit.blame[static_cast<std::size_t>(worst)] > kContradiction && others > kTolerable)
    return static_cast<int>(worst);
  std::vector<double> sorted = fit.miss;
  std::sort(sorted.begin(), sorted.end());
  const double usual = sorted[sorted.size() / 2];
  if (sorted.back() > 5 * std::max(usual, kTolerable))
    return static_cast<int>(std::max_element(fit.miss.begin(), fit.miss.end()) - fit.miss.begin());
  return -1;
}

// Fits again without the view that the others contradict, where there is one.
void leave_out_contradicted(std::vector<SpinView>& views, const std::vector<std::string>& names, CheckedFit& result) {
  const int wrong = contradicted(result.fit, views);
  if (wrong < 0) return;
  auto doubted = views;
  doubted[static_cast<std::size_t>(wrong)].trusted = false;
  bool hand_held = false;
  SpinFit without = better_fit(doubted, hand_held);
  // Believed only if the others then agree.
  if (!(mean_miss(without, doubted) < 0.5 * mean_miss(result.fit, views))) return;
  views = doubted;
  result.fit = std::move(without);
  result.hand_held = hand_held;
  result.notes.push_back(
      fmt::format("{}: its mask contradicts all others and was left out", names[static_cast<std::size_t>(wrong)]));
}

// By how many degrees a view is turned, and no more than the others let expect (three-quarter views are often taken
// from elsewhere, all of them).
double turned_alone(const SpinFit& fit, const std::vector<SpinView>& views, std::size_t one) {
  std::vector<ViewCorrection> seen;
  std::vector<double> azimuths;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i == one || !views[i].trusted) continue;
    seen.push_back(fit.views[i]);
    azimuths.push_back(views[i].azimuth_deg);
  }
  const double own = fit.views[one].azimuth,
               expected = predict_correction(seen, azimuths, views[one].azimuth_deg).azimuth;
  return std::min(std::abs(own), std::abs(own - expected)) / kDegree;
}

// Fits again without views whose masks agree with the others' only once they are turned farther than any azimuth is
// wrong by: what is there is another part of the vehicle, or not the vehicle, and bends all cameras.
void leave_out_turned(std::vector<SpinView>& views, const std::vector<std::string>& names, CheckedFit& result) {
  for (std::size_t out = 1; kFewOfThem * out <= views.size(); ++out) {
    std::size_t worst = 0;
    double most = 0;
    for (std::size_t i = 0; i < views.size(); ++i) {
      const double turned = views[i].trusted ? turned_alone(result.fit, views, i) : 0;
      if (turned > most) worst = i;
      most = std::max(most, turned);
    }
    if (most <= kUnbelievable) return;
    const double stated = views[worst].azimuth_deg,
                 found = wrapped_deg(stated + result.fit.views[worst].azimuth / kDegree);
    result.warnings.push_back(fmt::format(
        "{}: its mask fits the others only from {:.0f} degrees, and it was to show the vehicle from {:.0f}: "
        "its azimuth or its mask is wrong, and it is left out",
        names[worst], found, stated));
    views[worst].trusted = false;
    result.fit = better_fit(views, result.hand_held);
  }
}

}  // namespace

CheckedFit checked_fit(std::vector<SpinView>& views, const std::vector<std::string>& names) {
  CheckedFit result;
  result.fit = better_fit(views, result.hand_held);
  if (std::ranges::all_of(views, &SpinView::trusted)) leave_out_contradicted(views, names, result);
  leave_out_turned(views, names, result);
  result.miss = mean_miss(result.fit, views);
  return result;
}

}  // namespace spinfill
