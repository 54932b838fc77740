// SPDX-License-Identifier: Apache-2.0
#include "model/network/parameter_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "core/config/config.h"

namespace spinfill {

bool names_parameter(const std::string& pattern, const std::string& parameter) {
  for (std::size_t end = parameter.size(); end != std::string::npos && end > 0; end = parameter.rfind('.', end - 1)) {
    if (::fnmatch(pattern.c_str(), parameter.substr(0, end).c_str(), 0) == 0) return true;
  }
  return false;
}

bool any_names_parameter(const std::vector<std::string>& patterns, const std::string& parameter) {
  return std::ranges::any_of(patterns, [&](const auto& pattern) { return names_parameter(pattern, parameter); });
}

std::optional<std::string> unmatched_pattern(const std::vector<std::string>& patterns,
                                             const std::vector<std::string>& parameters, const std::string& what) {
  for (const std::string& pattern : patterns) {
    if (std::ranges::any_of(parameters, [&](const auto& name) { return names_parameter(pattern, name); })) continue;
    std::set<std::string> names;  // parameters, and the parts they belong to
    for (const std::string& name : parameters) {
      for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
        names.insert(name.substr(0, dot));
      }
      names.insert(name);
    }
    return fmt::format("names no {}: '{}'; near it are {}", what, pattern,
                       fmt::join(nearest_words(pattern, {names.begin(), names.end()}, 3), ", "));
  }
  return std::nullopt;
}

}  // namespace spinfill
