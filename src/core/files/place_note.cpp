// SPDX-License-Identifier: Apache-2.0
#include "core/files/place_note.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace spinfill {

std::string place_note(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path there = std::filesystem::absolute(path, error);
  if (error || path.empty() || path.is_absolute()) return {};
  return fmt::format(" (relative to the current directory: {} was looked for)", there.lexically_normal().string());
}

std::string open_reason(const std::filesystem::path& path) {
  const int reason = errno;
  return std::strerror(reason) + (reason == ENOENT || reason == ENOTDIR ? place_note(path) : "");
}

}  // namespace spinfill
