// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace spinfill {

// ASCII control characters: names from files must not bring them into messages or paths.
inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Of ASCII letters: endings of file names are compared so.
inline std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

// Whether JSON can hold it.
bool is_utf8(std::string_view text);
std::size_t utf8_length(std::string_view text);  // of its longest start that is UTF-8, bytes

// Text as it may go to a terminal, in one line: bytes that are not UTF-8, and characters that command a terminal or
// change the direction of writing, as \xhh. What is escaped already stays as it is.
std::string escaped(std::string_view text);
std::string escaped_lines(std::string_view text);  // keeps line breaks
std::string escaped_json(std::string_view json);   // of UTF-8: as \uhhhh, so that it stays the same JSON

}  // namespace spinfill
