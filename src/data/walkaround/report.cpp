// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/log.h"
#include "core/statistics.h"
#include "data/sets/slots.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kSureOfView = 0.7;  // confidence
constexpr double kFurtherApart = 5;  // degrees from the photograph that stands for the same primary view

// Photographs of another vehicle, as a share of those that show one, from which on two are mixed rather than one
// astray.
constexpr double kMixed = 0.25;
// Few views that are none too sure, among many photographs of no vehicle, are chance.
constexpr double kMany = 1.0 / 3, kMost = 1.0 / 2, kSure = 0.7;
constexpr std::size_t kFewViews = 4;
constexpr double kOneSide = 190;  // degrees of a gap: what is left is less than half of a walk round the vehicle

bool shows_no_vehicle(const PhotographReport& one) {
  using enum Trouble;
  return one.verdict == PhotographVerdict::ignored && one.trouble != duplicate && one.trouble != other_vehicle;
}

std::size_t without_vehicle(const WalkaroundReport& report) {
  return static_cast<std::size_t>(std::ranges::count_if(report.photographs, shows_no_vehicle));
}

// "3 × no vehicle, 2 × too far"
std::string reasons(const WalkaroundReport& report) {
  std::vector<std::string> out;
  for (const auto& [trouble, name] : kNamesOf<Trouble>) {
    const auto is_it = [&](const PhotographReport& one) { return shows_no_vehicle(one) && one.trouble == trouble; };
    if (const auto count = std::ranges::count_if(report.photographs, is_it); count > 0)
      out.push_back(fmt::format("{} × {}", count, trouble == Trouble::none ? "unreadable" : name));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

std::optional<std::string> why_mixed(const WalkaroundReport& report) {
  const std::vector<std::string> others = report.files_of(Trouble::other_vehicle);
  const std::size_t vehicles = report.photographs.size() - without_vehicle(report);
  if (others.size() < 2 || static_cast<double>(others.size()) < kMixed * static_cast<double>(vehicles))
    return std::nullopt;
  return fmt::format(
      "two vehicles, or more, are mixed: {} of {} photographs show other colours than the others ({}): "
      "give each vehicle a folder of its own",
      others.size(), vehicles, fmt::join(others, ", "));
}

bool is_chance(const WalkaroundReport& report) {
  const double share = static_cast<double>(without_vehicle(report)) /
                       static_cast<double>(std::max<std::size_t>(1, report.photographs.size()));
  std::vector<double> confidences;
  for (const PhotographReport& one : report.photographs)
    if (one.fate == PhotographFate::used) confidences.push_back(one.confidence);
  return (share >= kMost && confidences.size() < kFewViews) || (share >= kMany && median(confidences) < kSure);
}

}  // namespace

std::vector<std::string> WalkaroundReport::files_of(Trouble trouble) const {
  std::vector<std::string> out;
  for (const PhotographReport& one : photographs)
    if (one.trouble == trouble) out.push_back(one.file);
  return out;
}

std::vector<double> WalkaroundReport::used_deg() const {
  std::vector<double> out;
  for (const PhotographReport& one : photographs)
    if (one.fate == PhotographFate::used) out.push_back(*one.azimuth_deg);
  std::ranges::sort(out);
  return out;
}

std::vector<std::size_t> WalkaroundReport::used_in_order() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < photographs.size(); ++i)
    if (const PhotographFate fate = photographs[i].fate;
        fate == PhotographFate::used || fate == PhotographFate::further)
      out.push_back(i);
  std::ranges::stable_sort(out, {}, [&](std::size_t i) { return *photographs[i].azimuth_deg; });
  return out;
}

std::string WalkaroundReport::file_of(const std::string& reference) const {
  for (const std::size_t i : used_in_order())
    if (photographs[i].reference == reference) return photographs[i].file;
  return reference;
}

void WalkaroundReport::add_why(const std::string& reference, const std::string& why) {
  for (PhotographReport& one : photographs) {
    if (one.fate == PhotographFate::spare || one.fate == PhotographFate::refused || one.reference != reference)
      continue;
    one.why += (one.why.empty() ? "" : "; ") + why;
  }
}

Json to_json(const WalkaroundReport& report) {
  Json rows = Json::array(), left_out = Json::array();
  for (const PhotographReport& one : report.photographs) {
    Json row = {{"file", one.file},
                {"fate", name_of(one.fate)},
                {"verdict", name_of(one.verdict)},
                {"reason", one.trouble == Trouble::none ? Json() : Json(name_of(one.trouble))},
                {"why", one.why}};
    row["azimuth_deg"] = one.azimuth_deg ? Json(rounded(*one.azimuth_deg, 1)) : Json();
    row["confidence"] = rounded(one.confidence, 3);
    rows.push_back(std::move(row));
  }
  for (const LeftOut& file : report.left_out) left_out.push_back({{"file", file.file}, {"why", file.why}});
  Json films = Json::array();
  for (const FilmFrames& film : report.films)
    films.push_back({{"file", film.file},
                     {"seconds", rounded(film.seconds, 2)},
                     {"pictures", film.pictures},
                     {"dynamic_range", name_of(film.range)},
                     {"chosen", film.chosen}});
  return {{"photographs", rows}, {"order", name_of(report.order)}, {"films", films}, {"left_out", left_out}};
}

void tell(const WalkaroundReport& report) {
  if (report.order != ShootingOrder::untold) log_info("{}", told_in_words(report.order));
  for (const PhotographReport& one : report.photographs) {
    if (one.fate == PhotographFate::refused)
      log_warning("{}: not used: {}", one.file, one.why);
    else if (one.fate == PhotographFate::used && one.verdict == PhotographVerdict::retake)
      log_warning("{}: {:.0f} degrees, confidence {:.2f}, used for want of a better one: {}", one.file,
                  *one.azimuth_deg, one.confidence, one.why);
    else
      log_info("{}: {:.0f} degrees, confidence {:.2f}{}{}{}", one.file, *one.azimuth_deg, one.confidence,
               one.fate == PhotographFate::spare     ? ", not used"
               : one.fate == PhotographFate::further ? ", further"
                                                     : "",
               one.why.empty() ? "" : ": ", one.why);
  }
  for (const FilmFrames& film : report.films)
    log_info("{}: {} of {} pictures taken, {:.1f} s{}", film.file, film.chosen.size(), film.pictures, film.seconds,
             film.range == DynamicRange::standard ? "" : ", " + range_told(film.range));
  for (const LeftOut& file : report.left_out) log_warning("{}: not used: {}", file.file, file.why);
}

namespace {

bool is_good(const PhotographReport& one) {
  return one.verdict == PhotographVerdict::ok && one.confidence >= kSureOfView;
}

// Of one primary view: good ones before others, of these the nearest to it, for that stands for it (infer/references.h)
// and leaves the farther ones to tell of what lies between; of others the highest quality.
bool is_better(const PhotographReport& one, const PhotographReport& other) {
  if (is_good(one) != is_good(other)) return is_good(one);
  if (!is_good(one)) return one.quality > other.quality;
  const auto off = [](const PhotographReport& of) {
    return apart_deg(*of.azimuth_deg, azimuth_of(nearest_slot(*of.azimuth_deg)));
  };
  return off(one) < off(other);
}

// The photograph of a list that shows nearly the same as one, if any.
const PhotographReport* like(const std::vector<PhotographReport*>& list, const PhotographReport& one) {
  const auto found = std::ranges::find_if(list, [&](const PhotographReport* other) {
    return other != &one && apart_deg(*one.azimuth_deg, *other->azimuth_deg) < kFurtherApart;
  });
  return found == list.end() ? nullptr : *found;
}

void add_reason(PhotographReport& one, const std::string& why) {
  one.why = one.why.empty() ? why : fmt::format("{}; {}", one.why, why);
}

}  // namespace

void choose_views(WalkaroundReport& report, bool with_further) {
  std::array<PhotographReport*, kSlots> best{};
  std::vector<PhotographReport*> rest, shown;
  for (PhotographReport& one : report.photographs) {
    if (one.fate == PhotographFate::refused || !one.azimuth_deg) continue;
    one.fate = PhotographFate::spare;
    rest.push_back(&one);
    PhotographReport*& place = best[static_cast<std::size_t>(nearest_slot(*one.azimuth_deg))];
    if (place == nullptr || is_better(one, *place)) place = &one;
  }
  for (PhotographReport* one : best)
    if (one != nullptr) {
      one->fate = PhotographFate::used;
      shown.push_back(one);
    }
  // The better ones first: those that show nearly the same as these tell nothing more.
  std::ranges::stable_sort(rest, std::ranges::greater(), &PhotographReport::quality);
  for (PhotographReport* one : rest) {
    if (one->fate == PhotographFate::used) continue;
    const int slot = nearest_slot(*one->azimuth_deg);
    const std::string better = fmt::format("{} shows the view at {} degrees better",
                                           best[static_cast<std::size_t>(slot)]->file, azimuth_of(slot));
    if (!with_further || !is_good(*one)) {
      add_reason(*one, better);
    } else if (const PhotographReport* same = like(shown, *one)) {
      add_reason(*one,
                 same->fate == PhotographFate::used ? better : fmt::format("{} shows nearly the same", same->file));
    } else {
      one->fate = PhotographFate::further;
      shown.push_back(one);
    }
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
  const auto mixed = why_mixed(report);
  if (mixed && 2 * without_vehicle(report) < report.photographs.size()) return mixed;
  if (count == 0 || is_chance(report))
    return fmt::format(
        "no vehicle can be told in {} of {} photographs ({}): interiors and details make no spin, take each from "
        "outside with one whole vehicle in sight",
        without_vehicle(report), report.photographs.size(), reasons(report));
  if (mixed) return mixed;
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
