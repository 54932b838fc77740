// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/statistics.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kOneSide = 190;  // degrees of a gap: what is left is less than half of a walk round the vehicle

}  // namespace

std::vector<double> WalkaroundReport::used_deg() const {
  std::vector<double> out;
  for (const PhotographReport& one : photographs)
    if (one.fate == PhotographFate::used) out.push_back(*one.azimuth_deg);
  std::ranges::sort(out);
  return out;
}

void WalkaroundReport::add_why(const std::string& reference, const std::string& why) {
  for (PhotographReport& one : photographs) {
    if (one.fate != PhotographFate::used || one.reference != reference) continue;
    one.why += (one.why.empty() ? "" : "; ") + why;
  }
}

Json to_json(const WalkaroundReport& report) {
  Json rows = Json::array(), left_out = Json::array();
  for (const PhotographReport& one : report.photographs) {
    Json row = {{"file", one.file}, {"fate", name_of(one.fate)}, {"why", one.why}};
    row["azimuth_deg"] = one.azimuth_deg ? Json(rounded(*one.azimuth_deg, 1)) : Json();
    row["confidence"] = rounded(one.confidence, 3);
    rows.push_back(std::move(row));
  }
  for (const LeftOut& file : report.left_out) left_out.push_back({{"file", file.file}, {"why", file.why}});
  return {{"photographs", rows}, {"left_out", left_out}};
}

void choose_views(WalkaroundReport& report) {
  std::array<PhotographReport*, kSlots> best{};
  for (PhotographReport& one : report.photographs) {
    if (one.fate == PhotographFate::refused || !one.azimuth_deg) continue;
    PhotographReport*& place = best[static_cast<std::size_t>(nearest_slot(*one.azimuth_deg))];
    if (place == nullptr || one.quality > place->quality) place = &one;
  }
  for (PhotographReport& one : report.photographs) {
    if (one.fate == PhotographFate::refused || !one.azimuth_deg) continue;
    const int slot = nearest_slot(*one.azimuth_deg);
    const PhotographReport* chosen = best[static_cast<std::size_t>(slot)];
    one.fate = chosen == &one ? PhotographFate::used : PhotographFate::spare;
    if (chosen != &one) one.why = fmt::format("{} shows the view at {} degrees better", chosen->file, azimuth_of(slot));
  }
}

double widest_gap(std::vector<double> azimuths_deg) {
  if (azimuths_deg.size() < 2) return 360;
  std::ranges::sort(azimuths_deg);
  double widest = azimuths_deg.front() + 360 - azimuths_deg.back();
  for (std::size_t i = 1; i < azimuths_deg.size(); ++i)
    widest = std::max(widest, azimuths_deg[i] - azimuths_deg[i - 1]);
  return widest;
}

std::optional<std::string> why_no_spin(const WalkaroundReport& report, int least) {
  const std::vector<double> used = report.used_deg();
  const auto count = static_cast<int>(used.size());
  if (count == 0)
    return fmt::format("no vehicle can be told in any of {} photographs: take each with one whole vehicle in sight",
                       report.photographs.size());
  if (count < least)
    return fmt::format(
        "of {} photographs only {} of the eight primary views can be made out ({:.0f} degrees), {} are "
        "needed: take more, from other directions",
        report.photographs.size(), count, fmt::join(used, ", "), least);
  if (const double gap = widest_gap(used); count >= 3 && gap > kOneSide)
    return fmt::format(
        "all photographs show the vehicle from one side ({:.0f} degrees; nothing in {:.0f} degrees): walk "
        "all round it",
        fmt::join(used, ", "), gap);
  return std::nullopt;
}

}  // namespace spinfill
