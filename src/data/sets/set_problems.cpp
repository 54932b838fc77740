// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_problems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace spinfill {

std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = names.size() <= kShown + 1 ? names.size() : kShown;
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

void SetProblems::add(const std::string& where, const std::string& what, const std::string& advice,
                      const ProblemDetail& detail) {
  const auto [place, fresh] = place_.emplace(std::vector{detail.field, what, advice}, found_.size());
  if (fresh) {
    std::string text = what;
    if (const auto gap = text.find("{}"); detail.example && gap != std::string::npos)
      text.replace(gap, 2, *detail.example);
    found_.push_back({where, text, advice, {}});
  }
  auto& frames = found_[place->second].frames;
  if (!detail.frame.empty() && std::ranges::find(frames, detail.frame) == frames.end()) frames.push_back(detail.frame);
}

std::vector<SetProblems::Problem> SetProblems::list(const std::string& noun) const {
  std::vector<Problem> out = found_;
  for (Problem& problem : out) {
    if (problem.frames.size() > 1) problem.what += fmt::format(" ({}{})", noun, first_few(problem.frames));
  }
  return out;
}

}  // namespace spinfill
