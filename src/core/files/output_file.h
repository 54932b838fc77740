// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/files/files.h"

namespace spinfill {

// Looks, before any work is done, at the file that an option such as --html names, and returns the one to write with
// write_file_atomic(): a link is followed. A plain file is replaced only where it is empty or an earlier one
// of the same option: with `mark` in its first 4 KiB. Exit 2: any other file, and what is no plain file (a device,
// pipe, folder, or where this program's own output goes). Exit 3: the file cannot be made there.
fs::path check_output_file(const std::string& option, const fs::path& path, std::string_view mark);

}  // namespace spinfill
