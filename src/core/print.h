// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace spinfill {

// Results for people, on stdout; messages go to stderr (core/log.h). Whatever command to a terminal a name brings
// along is shown escaped (core/text.h).
void print_lines(std::string_view text);     // as it is, with its line breaks
void print_one_line(std::string_view text);  // and a line break

template <class... Args>
void print_line(fmt::format_string<Args...> format, Args&&... args) {
  print_one_line(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace spinfill
