// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace spinfill {

// For messages about a path that is not there: where a relative one was looked for, " (relative to the current
// directory: /there/data was looked for)"; nothing where the path is absolute.
std::string place_note(const std::filesystem::path& path);

// Why the last attempt to open a file failed (errno), with that note where nothing is there.
std::string open_reason(const std::filesystem::path& path);

}  // namespace spinfill
