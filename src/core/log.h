// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace spinfill {

// Messages for people go to stderr, one line each, escaped (core/text.h); results go to stdout (core/print.h). Quiet
// mode keeps warnings and errors.
enum class LogLevel { info, warning, error };
void log_line(LogLevel level, std::string_view text);
void set_quiet(bool quiet);
bool quiet();

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace spinfill
