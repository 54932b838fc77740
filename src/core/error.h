// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "core/text.h"

namespace spinfill {

// The program's exit codes (documented in README.md).
enum class ExitCode : int {
  done = 0,
  check_failed = 1,  // a check did not hold: regression, invalid data
  usage = 2,         // wrong usage or configuration
  runtime = 3,       // runtime failure: unreadable file, full disk; stopped by a signal with nothing written
  resume = 75,       // training or evaluation stopped by a signal after saving; resume me
};

// One line for the user: what, where (file:line or field), what to do. Caught once, in main. Names in it may come from
// hostile files: it is escaped (core/text.h).
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(escaped(message)), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ExitCode::usage, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
[[noreturn]] void fail_check(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ExitCode::check_failed, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ExitCode::runtime, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace spinfill
