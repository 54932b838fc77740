// SPDX-License-Identifier: Apache-2.0
#include "core/files/temporary_names.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <system_error>

namespace spinfill {

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path unused_beside(const fs::path& target, std::string_view kind) {
  static std::atomic<unsigned> counter{0};
  // A name may have 255 bytes; the temporary one is longer than the target's.
  const std::string name = target.filename().string().substr(0, 200);
  fs::path path;
  std::error_code ignored;
  do {
    path = parent_of(target) / fmt::format(".{}.{}-{}-{}", name, kind, ::getpid(), counter++);
  } while (fs::exists(fs::symlink_status(path, ignored)));
  return path;
}

fs::path temporary_beside(const fs::path& target) {
  return unused_beside(target, "tmp");
}

bool is_temporary_name(std::string_view name) {
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  constexpr std::string_view kMark = ".tmp-";
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string_view::npos || mark == 0 || name.front() != '.') return false;
  const std::string_view ending = name.substr(mark + kMark.size());
  const std::size_t dash = ending.find('-');
  return dash != std::string_view::npos && is_number(ending.substr(0, dash)) && is_number(ending.substr(dash + 1));
}

}  // namespace spinfill
