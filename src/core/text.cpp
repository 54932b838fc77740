// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace spinfill {
namespace {

struct Character {
  std::size_t length = 0;  // bytes; 0 where the text is not UTF-8
  std::uint32_t code = 0;
};

// That with which the text begins (overlong forms and surrogates are not UTF-8).
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {};
  return {length, code};
}

// Control characters, those that break lines, and those that set the direction of writing.
bool is_unfit(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

std::string escaped_bytes(std::string_view text, bool keep_lines) {
  std::string out;
  while (!text.empty()) {
    const Character next = first_character(text);
    const bool plain = next.length > 0 && (!is_unfit(next.code) || (keep_lines && next.code == '\n'));
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    for (const char c : text.substr(0, length)) {
      if (plain) {
        out += c;
      } else {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = first_character(text.substr(at)).length;
    if (length == 0) break;
    at += length;
  }
  return at;
}

bool is_utf8(std::string_view text) {
  return utf8_length(text) == text.size();
}

std::string escaped(std::string_view text) {
  return escaped_bytes(text, false);
}

std::string escaped_lines(std::string_view text) {
  return escaped_bytes(text, true);
}

std::string escaped_json(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const Character next = first_character(json);
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    if (next.length > 0 && next.code != '\n' && is_unfit(next.code)) {
      out += fmt::format("\\u{:04x}", next.code);
    } else {
      out += json.substr(0, length);
    }
    json.remove_prefix(length);
  }
  return out;
}

}  // namespace spinfill
