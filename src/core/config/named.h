// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spinfill {

// An enum whose values have names for people and files specialises kNamesOf beside itself:
//
//   enum class Solver { dpmpp_2m, heun };
//   template <>
//   inline constexpr Named<Solver> kNamesOf<Solver>[] = {{Solver::dpmpp_2m, "dpmpp-2m"}, {Solver::heun, "heun"}};
//
// and is then read, checked and printed by Fields::choice like any other option.
template <class Enum>
struct Named {
  Enum value;
  const char* name;
};
template <class Enum>
inline constexpr Named<Enum> kNamesOf[1] = {};

template <class Enum>
const char* name_of(Enum value) {
  for (const Named<Enum>& named : kNamesOf<Enum>) {
    if (named.value == value) return named.name;
  }
  return "";  // no value of the enum
}

template <class Enum>
std::optional<Enum> value_named(std::string_view name) {
  for (const Named<Enum>& named : kNamesOf<Enum>) {
    if (name == named.name) return named.value;
  }
  return std::nullopt;
}

template <class Enum>
std::vector<std::string> names_of() {
  std::vector<std::string> names;
  for (const Named<Enum>& named : kNamesOf<Enum>) names.emplace_back(named.name);
  return names;
}

}  // namespace spinfill
