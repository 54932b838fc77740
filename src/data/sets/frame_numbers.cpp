// SPDX-License-Identifier: Apache-2.0
#include "data/sets/frame_numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "data/sets/picture_names.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr std::size_t kShown = 12;  // files in a message

// Evenly round the vehicle from 0 on. Gaps in the numbers are places that have no picture, unless most are gaps.
std::vector<double> evenly(const std::vector<std::string>& files, bool clockwise) {
  const auto count = static_cast<double>(files.size());
  std::vector<double> places = running_numbers(files);
  const bool numbered = !places.empty() && places.back() - places.front() + 1 <= 2 * count;
  const double all = numbered ? places.back() - places.front() + 1 : count;
  std::vector<double> azimuths;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const double turn = (numbered ? places[i] - places.front() : static_cast<double>(i)) / all * 360;
    azimuths.push_back(wrapped_deg(clockwise ? 360 - turn : turn));
  }
  return azimuths;
}

std::string listed(const std::vector<std::string>& files, const std::vector<double>& azimuths) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < files.size(); ++i) texts.push_back(fmt::format("{} {:.4g}", files[i], azimuths[i]));
  return first_names(texts, kShown);
}

}  // namespace

PictureAzimuths parse_azimuths(const std::string& text) {
  using From = PictureAzimuths::From;
  if (text.empty()) return {};
  if (text == "counter-clockwise") return {From::counter_clockwise};
  if (text == "clockwise") return {From::clockwise};
  PictureAzimuths out{From::list};
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    double value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !(std::abs(value) <= 360) || (stop != end && *stop != ',')) {
      fail_usage(
          "--given-azimuths {}: give degrees such as 0,45,90 (0 front, 90 left side), counter-clockwise or clockwise",
          text);
    }
    out.list.push_back(wrapped_deg(value));
    if (stop == end) return out;
    at = stop + 1;
  }
}

std::vector<double> azimuths_of(const fs::path& folder, const std::vector<std::string>& files,
                                const PictureAzimuths& how) {
  if (how.from == PictureAzimuths::From::counter_clockwise) return evenly(files, false);
  if (how.from == PictureAzimuths::From::clockwise) return evenly(files, true);
  if (how.list.size() != files.size()) {
    fail_usage("--given-azimuths: {} numbers for the {} pictures of {}: {}", how.list.size(), files.size(),
               folder.string(), first_names(files, kShown));
  }
  return how.list;
}

void refuse_frame_numbers(const fs::path& folder, const std::vector<std::string>& files) {
  const std::vector<double> numbers = running_numbers(files);
  const std::string first = files.front(), last = files.back();
  if (!are_frame_numbers(numbers) && std::ranges::all_of(numbers, [](double n) { return n < 360; })) {
    std::vector<std::string> list;
    for (const double number : numbers) list.push_back(fmt::format("{:g}", number));
    fail(
        "{}: {} to {} are not named by an azimuth alone, such as 045.png: rename them, or, if their numbers are "
        "azimuths, give --given-azimuths {}",
        folder.string(), first, last, fmt::join(list, ","));
  }
  fail(
      "{}: {} to {} are named by frame numbers, not by azimuths. From the front on, evenly, they would be "
      "counter-clockwise seen from above (the vehicle's left side follows): {}; clockwise: {}. Give --given-azimuths "
      "counter-clockwise or clockwise, a list in this order such as --given-azimuths 0,45,90, or rename them",
      folder.string(), first, last, listed(files, evenly(files, false)), listed(files, evenly(files, true)));
}

}  // namespace spinfill
