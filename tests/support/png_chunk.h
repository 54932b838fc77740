// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace spinfill::test {

// A PNG with one more chunk right behind its header.
inline std::string with_png_chunk(const std::string& png, const std::string& type, const std::string& data) {
  const auto big_endian = [](std::uint32_t number) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
    return out;
  };
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : type + data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc % 2 == 1 ? 0xEDB88320 : 0);
  }
  constexpr std::size_t kBehindHeader = 33;
  const auto length = static_cast<std::uint32_t>(data.size());
  return std::string(png).insert(kBehindHeader, big_endian(length) + type + data + big_endian(~crc));
}

}  // namespace spinfill::test
