// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace spinfill {

// For pages that hold everything they show. html_escaped is safe in text and in quoted attributes; control characters
// become spaces.
std::string html_escaped(std::string_view text);
std::string base64(std::string_view bytes);
// The template with each @NAME@ (capitals) replaced by its value; what stands in a value stays as it is.
std::string html_filled(const std::string& text, const std::map<std::string, std::string>& values);

}  // namespace spinfill
