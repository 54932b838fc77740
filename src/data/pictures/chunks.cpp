// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/chunks.h"

#include <zlib.h>

#include <algorithm>

namespace spinfill {

std::optional<std::uint64_t> integer_at(std::string_view bytes, std::uint64_t at, std::size_t count,
                                        bool little_endian) {
  if (at > bytes.size() || bytes.size() - at < count) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + (little_endian ? count - 1 - i : i)]);
  }
  return value;
}

// After the signature: length, type, data, checksum.
void each_png_chunk(std::string_view whole_file, const VisitChunk& visit) {
  constexpr std::uint64_t kAround = 12;  // bytes
  for (std::uint64_t at = 8; at + kAround <= whole_file.size();) {
    const std::uint64_t length = *integer_at(whole_file, at, 4, false);
    if (length > whole_file.size() - at - kAround) return;
    if (!visit(whole_file.substr(at + 4, 4), whole_file.substr(at + 8, length))) return;
    at += kAround + length;
  }
}

// After "RIFF", length and "WEBP": type, length, data of an even number of bytes.
void each_webp_chunk(std::string_view whole_file, const VisitChunk& visit) {
  constexpr std::uint64_t kBefore = 8;  // bytes
  for (std::uint64_t at = 12; at + kBefore <= whole_file.size();) {
    const std::uint64_t length = *integer_at(whole_file, at + 4, 4, true);
    if (length > whole_file.size() - at - kBefore) return;
    if (!visit(whole_file.substr(at, 4), whole_file.substr(at + kBefore, length))) return;
    at += kBefore + length + length % 2;
  }
}

std::string inflated(std::string_view deflated) {
  constexpr std::size_t kLongest = 16 << 20;
  std::string out(std::min(kLongest, 1100 * deflated.size() + 64), '\0');  // deflate shrinks to a 1032nd at most
  uLongf size = out.size();
  const int result = ::uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                                  reinterpret_cast<const Bytef*>(deflated.data()), deflated.size());
  out.resize(result == Z_OK ? size : 0);
  return out;
}

std::string png_icc_profile(std::string_view whole_file) {
  std::string profile;
  each_png_chunk(whole_file, [&](std::string_view type, std::string_view data) {
    if (type != "iCCP") return type != "IDAT";
    const std::size_t name = data.find('\0');  // then the method, which is always deflate
    if (name != data.npos && name + 2 <= data.size()) profile = inflated(data.substr(name + 2));
    return false;
  });
  return profile;
}

std::optional<CodePoints> png_code_points(std::string_view whole_file) {
  std::optional<CodePoints> points;
  each_png_chunk(whole_file, [&](std::string_view type, std::string_view data) {
    if (type != "cICP") return type != "IDAT";
    const auto number = [&](std::size_t i) { return static_cast<unsigned char>(data[i]); };
    if (data.size() == 4) points = CodePoints{number(0), number(1), number(2), number(3) != 0};
    return false;
  });
  return points;
}

std::string webp_icc_profile(std::string_view whole_file) {
  std::string profile;
  each_webp_chunk(whole_file, [&](std::string_view type, std::string_view data) {
    if (type == "ICCP") profile = data;
    return type != "ICCP";
  });
  return profile;
}

}  // namespace spinfill
