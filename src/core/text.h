// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace spinfill {

// ASCII control characters: names from files must not bring them into messages or paths.
inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Whether JSON can hold it.
bool is_utf8(std::string_view text);

// A name as it can be shown in one line: bytes that are not UTF-8 and control characters as \xHH.
std::string escaped(std::string_view text);

}  // namespace spinfill
