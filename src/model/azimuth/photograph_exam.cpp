// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/photograph_exam.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "core/statistics.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

// A direction that is more likely wrong than right is not used: it spoils a spin more than a missing one.
constexpr double kLeastConfidence = 0.5;
// Of two photographs that show the same: how far apart they may be, the share of their points that match, and how far
// these lie apart, in the vehicle's heights. A step to the side moves them further.
constexpr double kSameDeg = 8, kSameShare = 0.3, kSamePlace = 0.015;

bool show_the_same(const VehicleLook& a, const VehicleLook& b) {
  const auto matches = look_matches(a, b, kMostPoints);
  const auto points = static_cast<double>(std::min(a.points.size(), b.points.size()));
  if (points == 0 || static_cast<double>(matches.size()) < kSameShare * points) return false;
  std::vector<double> moved;
  for (const LookMatch& match : matches)
    moved.push_back(std::hypot(match.first.x - match.second.x, match.first.y - match.second.y));
  return median(moved) < kSamePlace;
}

}  // namespace

void PhotographExam::look(const MaskedPhotograph& one) {
  Seen seen{one.file, usability(one), std::nullopt};
  if (!one.mask.box.empty())
    seen.of_set = {azimuth_shares(model_, one.rgb, one.mask.alpha), vehicle_look(one.rgb, one.mask.alpha)};
  seen_.push_back(std::move(seen));
}

std::vector<Examined> PhotographExam::judge() const {
  std::vector<Examined> out;
  for (const Seen& seen : seen_) out.push_back({seen.file, seen.usable, std::nullopt, 0});
  if (!alone_) ignore_others(out);
  put_azimuths(out);
  if (!alone_) ignore_duplicates(out);
  return out;
}

void PhotographExam::ignore_others(std::vector<Examined>& all) const {
  std::vector<const VehicleLook*> looks;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].usable.verdict == Verdict::ignored) continue;
    looks.push_back(&seen_[i].of_set->look);
    places.push_back(i);
  }
  if (looks.size() < 3) return;
  const std::vector<int> groups = alike_groups(looks);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] > 0)
      all[places[i]].usable = {Verdict::ignored, Trouble::other_vehicle,
                               "its colours have nothing in common with the others': it shows another vehicle, or its "
                               "mask does not show the vehicle"};
  }
}

void PhotographExam::put_azimuths(std::vector<Examined>& all) const {
  std::vector<PhotographOfSet> set;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!seen_[i].of_set) continue;
    if (alone_ || all[i].usable.verdict == Verdict::ignored)
      all[i].azimuth = estimate_of(seen_[i].of_set->shares);
    else
      set.push_back(*seen_[i].of_set);
  }
  std::vector<AzimuthEstimate> together;
  if (!set.empty()) together = consistent_azimuths(set);
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Examined& one = all[i];
    if (seen_[i].of_set && !one.azimuth) one.azimuth = together[next++];
    if (one.usable.verdict == Verdict::ignored) continue;
    const AzimuthEstimate& azimuth = *one.azimuth;
    const double apart = apart_deg(azimuth.azimuth_deg, azimuth_of(nearest_slot(azimuth.azimuth_deg)));
    one.quality = azimuth.confidence - apart / 45 - (one.usable.verdict == Verdict::retake ? 1 : 0);
    if (azimuth.confidence < kLeastConfidence)
      one.usable = {Verdict::ignored, Trouble::not_told,
                    fmt::format("from where it shows the vehicle, or whether it shows one, cannot be told (perhaps "
                                "{:.0f} degrees, confidence {:.2f}): take it with one whole vehicle in sight",
                                azimuth.azimuth_deg, azimuth.confidence)};
  }
}

void PhotographExam::ignore_duplicates(std::vector<Examined>& all) const {
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].usable.verdict == Verdict::ignored) break;
      if (all[j].usable.verdict == Verdict::ignored ||
          apart_deg(all[i].azimuth->azimuth_deg, all[j].azimuth->azimuth_deg) > kSameDeg ||
          !show_the_same(seen_[i].of_set->look, seen_[j].of_set->look))
        continue;
      const bool first_is_better = all[j].quality >= all[i].quality;
      Examined& worse = first_is_better ? all[i] : all[j];
      worse.usable = {
          Verdict::ignored, Trouble::duplicate,
          fmt::format("shows the same as {}, which is used for it", (first_is_better ? all[j] : all[i]).file)};
    }
  }
}

}  // namespace spinfill
