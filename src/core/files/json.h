// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/files/files.h"

namespace spinfill {

using Json = nlohmann::ordered_json;

// JSON with the file's name, and line and column of a syntax error. Duplicate keys, NaN and encodings other than UTF-8
// (core/files/text_file.h) are refused.
Json read_json(const fs::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 28);
Json parse_json(std::string_view text, const std::string& where);
void write_json_atomic(const fs::path& path, const Json& value);

}  // namespace spinfill
