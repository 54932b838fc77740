// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace spinfill {

// For pages that hold everything they show. html_escaped is safe in text and in quoted attributes; control characters
// become spaces.
std::string html_escaped(std::string_view text);
std::string base64(std::string_view bytes);

}  // namespace spinfill
