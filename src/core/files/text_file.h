// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/files/files.h"

namespace spinfill {

// The bytes of a text without the byte order mark of UTF-8. Text in another encoding is an error that names it, as far
// as it can be told, and the command that converts it.
std::string_view utf8_text(std::string_view bytes, const std::string& where, ExitCode code = ExitCode::runtime);

// A whole file as UTF-8 text; errors are those of read_file() and utf8_text().
std::string read_text_file(const fs::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 32);

}  // namespace spinfill
