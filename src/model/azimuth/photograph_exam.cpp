// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/photograph_exam.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"
#include "model/azimuth/turn_evidence.h"

namespace spinfill {
namespace {

// A direction that is more likely wrong than right is not used: it spoils a spin more than a missing one.
constexpr double kLeastConfidence = 0.5;
// Of two photographs that show the same: how far apart they may be, the share of their points that match, and how far
// these lie apart, in the vehicle's heights. A step to the side moves them further.
constexpr double kSameDeg = 8, kSameShare = 0.3, kSamePlace = 0.015;

// Two vehicles: two groups of photographs that differ in colours wherever they show about the same direction. A vehicle
// of many colours, or in changing light, shows the same ones from one direction; nine in ten pairs and not the median
// alone, since a wrong azimuth makes pairs of different directions.
constexpr std::size_t kFewestOfOne = 2, kFewestPairs = 3;
constexpr std::ptrdiff_t kFewestPart = 4;  // a quarter of the photographs; fewer are masks that failed
constexpr double kNearDeg = 30, kMedianInCommon = 0.8, kMostInCommon = 0.9;

// A vehicle that something hides in part is narrower than from its azimuth; whole ones have 0.83 and more.
constexpr std::size_t kFewestForWidths = 5;
constexpr double kLeastWidth = 0.78, kSureForWidths = 0.8;

bool show_the_same(const VehicleLook& a, const VehicleLook& b) {
  const auto matches = look_matches(a, b, kMostPoints);
  const auto points = static_cast<double>(std::min(a.points.size(), b.points.size()));
  if (points == 0 || static_cast<double>(matches.size()) < kSameShare * points) return false;
  std::vector<double> moved;
  for (const LookMatch& match : matches)
    moved.push_back(std::hypot(match.first.x - match.second.x, match.first.y - match.second.y));
  return median(moved) < kSamePlace;
}

void put_quality(Examined& one) {
  if (one.usable.verdict == PhotographVerdict::ignored) return;
  const AzimuthEstimate& azimuth = *one.azimuth;
  const double apart = apart_deg(azimuth.azimuth_deg, azimuth_of(nearest_slot(azimuth.azimuth_deg)));
  one.quality = azimuth.confidence - apart / 45 - (one.usable.verdict == PhotographVerdict::retake ? 1 : 0);
  if (azimuth.confidence < kLeastConfidence)
    one.usable = {PhotographVerdict::ignored, Trouble::not_told,
                  fmt::format("from where it shows the vehicle, or whether it shows one, cannot be told (perhaps "
                              "{:.0f} degrees, confidence {:.2f}): take it with one whole vehicle in sight",
                              azimuth.azimuth_deg, azimuth.confidence)};
}

}  // namespace

void PhotographExam::look(const MaskedPhotograph& one) {
  Seen seen{one.file, usability(one), std::nullopt};
  if (!one.mask.box.empty())
    seen.of_set = {azimuth_shares(model_, one.rgb, one.mask.alpha), vehicle_look(one.rgb, one.mask.alpha)};
  seen_.push_back(std::move(seen));
}

ExamResult PhotographExam::judge() const {
  ExamResult result;
  std::vector<Examined>& out = result.photographs;
  for (const Seen& seen : seen_) out.push_back({seen.file, seen.usable, std::nullopt, 0});
  if (!alone_) ignore_strays(out);
  result.order = put_azimuths(out);
  if (!alone_ && ignore_second_vehicle(out)) result.order = put_azimuths(out);
  if (!alone_) note_hidden(out);
  for (Examined& one : out) put_quality(one);
  if (!alone_) ignore_duplicates(out);
  return result;
}

std::vector<std::size_t> PhotographExam::usable(const std::vector<Examined>& all) const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].usable.verdict != PhotographVerdict::ignored) out.push_back(i);
  return out;
}

void PhotographExam::ignore_strays(std::vector<Examined>& all) const {
  const std::vector<std::size_t> places = usable(all);
  std::vector<const VehicleLook*> looks;
  for (const std::size_t place : places) looks.push_back(&look_of(place));
  if (looks.size() < 3) return;
  const std::vector<int> groups = alike_groups(looks);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] > 0)
      all[places[i]].usable = {PhotographVerdict::ignored, Trouble::other_vehicle,
                               "its colours have nothing in common with the others': it shows another vehicle, or its "
                               "mask does not show the vehicle"};
  }
}

bool PhotographExam::ignore_second_vehicle(std::vector<Examined>& all) const {
  const std::vector<std::size_t> places = usable(all);
  std::vector<const VehicleLook*> looks;
  for (const std::size_t place : places) looks.push_back(&look_of(place));
  if (looks.size() < 2 * kFewestOfOne) return false;
  const std::vector<bool> second = smaller_of_two(looks);
  if (std::ranges::count(second, true) < std::ssize(places) / kFewestPart || std::ranges::count(second, true) < 2)
    return false;
  std::vector<double> across;
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (second[i] != second[j] &&
          apart_deg(all[places[i]].azimuth->azimuth_deg, all[places[j]].azimuth->azimuth_deg) <= kNearDeg)
        across.push_back(colours_in_common(*looks[i], *looks[j]));
    }
  }
  if (across.size() < kFewestPairs || median(across) > kMedianInCommon) return false;
  std::ranges::sort(across);
  if (across[across.size() * 9 / 10] > kMostInCommon) return false;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (second[i])
      all[places[i]].usable = {PhotographVerdict::ignored, Trouble::other_vehicle,
                               "from the same directions as others it shows other colours: it shows another vehicle"};
  }
  return true;
}

void PhotographExam::note_hidden(std::vector<Examined>& all) const {
  const std::vector<std::size_t> places = usable(all);
  if (places.size() < kFewestForWidths) return;
  std::vector<double> aspects, azimuths_deg;
  for (const std::size_t place : places) {
    aspects.push_back(look_of(place).aspect);
    azimuths_deg.push_back(all[place].azimuth->azimuth_deg);
  }
  const std::vector<double> widths = relative_widths(aspects, azimuths_deg);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Examined& one = all[places[i]];
    if (widths[i] > kLeastWidth || one.usable.verdict != PhotographVerdict::ok ||
        one.azimuth->confidence < kSureForWidths)
      continue;
    one.usable = {
        PhotographVerdict::retake, Trouble::hidden,
        fmt::format("the vehicle is only {:.0f} % as wide as the other photographs say: something hides a part "
                    "of it, take it with nothing before it",
                    100 * widths[i])};
  }
}

ShootingOrder PhotographExam::put_azimuths(std::vector<Examined>& all) const {
  std::vector<PhotographOfSet> set;
  const auto belongs = [&](std::size_t i) { return !alone_ && all[i].usable.verdict != PhotographVerdict::ignored; };
  for (std::size_t i = 0; i < all.size(); ++i)
    if (belongs(i)) set.push_back(*seen_[i].of_set);
  const SetAzimuths together = consistent_azimuths(set, order_);
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (belongs(i))
      all[i].azimuth = together.estimates[next++];
    else if (seen_[i].of_set)
      all[i].azimuth = estimate_of(seen_[i].of_set->shares);
  }
  return together.order;
}

void PhotographExam::ignore_duplicates(std::vector<Examined>& all) const {
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].usable.verdict == PhotographVerdict::ignored) break;
      if (all[j].usable.verdict == PhotographVerdict::ignored ||
          apart_deg(all[i].azimuth->azimuth_deg, all[j].azimuth->azimuth_deg) > kSameDeg ||
          !show_the_same(seen_[i].of_set->look, seen_[j].of_set->look))
        continue;
      const bool first_is_better = all[j].quality >= all[i].quality;
      Examined& worse = first_is_better ? all[i] : all[j];
      worse.usable = {
          PhotographVerdict::ignored, Trouble::duplicate,
          fmt::format("shows the same as {}, which is used for it", (first_is_better ? all[j] : all[i]).file)};
    }
  }
}

}  // namespace spinfill
