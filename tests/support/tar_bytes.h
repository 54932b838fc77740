// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace spinfill::test {

// Tar files byte by byte, so that they can be wrong as well as right. Type '0' is a file, '1' a hard link, '2' a
// symbolic link, '5' a directory.
inline std::string tar_header(const std::string& name, std::uint64_t size, char type = '0',
                              const std::string& target = {}) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { std::copy(text.begin(), text.end(), &header[at]); };
  put(0, name);
  for (const std::size_t at : {100, 108, 116}) put(at, "0000644");  // mode, owner, group
  if (size < (std::uint64_t{1} << 33)) {
    put(124, fmt::format("{:011o}", size));
  } else {  // GNU's binary form
    header[124] = '\x80';
    for (std::size_t i = 0; i < 8; ++i) header[135 - i] = static_cast<char>(size >> (8 * i));
  }
  put(136, "00000000000");  // time
  put(148, "        ");     // the checksum counts as blanks
  header[156] = type;
  put(157, target);
  put(257, "ustar");
  put(263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

inline std::string tar_entry(const std::string& name, std::string_view bytes) {
  std::string out = tar_header(name, bytes.size()) + std::string(bytes);
  out.resize((out.size() + 511) / 512 * 512, '\0');
  return out;
}

inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace spinfill::test
