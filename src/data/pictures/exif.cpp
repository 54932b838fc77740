// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/exif.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include <opencv2/core.hpp>

#include "data/pictures/chunks.h"

namespace spinfill {
namespace {

// ImageMagick's way of keeping Exif in a PNG's text: a line break, the profile's name, its length, and its bytes in
// hex.
std::string profile_bytes(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string out;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) continue;
    if (high >= 0) out += static_cast<char>(high << 4 | digit);
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

// Exif in a tEXt or zTXt chunk, empty where it is another text.
std::string text_profile(std::string_view chunk, bool deflated) {
  const std::size_t end = chunk.find('\0');
  const std::string_view key = chunk.substr(0, end);
  if (key != "Raw profile type exif" && key != "Raw profile type APP1") return {};
  chunk.remove_prefix(end + 1);
  if (!deflated) return profile_bytes(chunk);
  return chunk.empty() ? "" : profile_bytes(inflated(chunk.substr(1)));  // after the method, which is always deflate
}

}  // namespace

int exif_orientation(std::string_view exif) {
  constexpr std::uint64_t kOrientation = 0x0112, kByte = 1, kShort = 3, kLong = 4;
  if (exif.starts_with(std::string_view("Exif\0", 5))) exif.remove_prefix(std::min<std::size_t>(6, exif.size()));
  const bool little = exif.starts_with(std::string_view("II*\0", 4));
  if (!little && !exif.starts_with(std::string_view("MM\0*", 4))) return 1;
  const auto directory = integer_at(exif, 4, 4, little);
  const auto entries = directory ? integer_at(exif, *directory, 2, little) : std::nullopt;
  for (std::uint64_t i = 0; entries && i < *entries; ++i) {
    const std::uint64_t entry = *directory + 2 + 12 * i;
    const auto tag = integer_at(exif, entry, 2, little), type = integer_at(exif, entry + 2, 2, little);
    if (!tag || !type) break;
    if (*tag != kOrientation) continue;
    if (*type != kByte && *type != kShort && *type != kLong) break;
    const auto value = integer_at(exif, entry + 8, *type == kByte ? 1 : *type == kShort ? 2 : 4, little);
    if (value && *value >= 1 && *value <= 8) return static_cast<int>(*value);
    break;
  }
  return 1;
}

int png_orientation(std::string_view whole_file) {
  std::string profile;
  int orientation = 0;
  each_png_chunk(whole_file, [&](std::string_view type, std::string_view data) {
    if (type == "eXIf") orientation = exif_orientation(data);
    if (profile.empty() && (type == "tEXt" || type == "zTXt")) profile = text_profile(data, type == "zTXt");
    return orientation == 0;
  });
  return orientation != 0 ? orientation : exif_orientation(profile);
}

int webp_orientation(std::string_view whole_file) {
  int orientation = 1;
  each_webp_chunk(whole_file, [&](std::string_view type, std::string_view data) {
    constexpr char kExifFlag = 8;
    if (type == "VP8X") return !data.empty() && (data[0] & kExifFlag) != 0;  // no metadata without its flag
    if (type == "EXIF") orientation = exif_orientation(data);
    return type != "EXIF";
  });
  return orientation;
}

cv::Mat upright(const cv::Mat& stored, int orientation) {
  cv::Mat out;
  switch (orientation) {
    case 2: cv::flip(stored, out, 1); break;
    case 3: cv::rotate(stored, out, cv::ROTATE_180); break;
    case 4: cv::flip(stored, out, 0); break;
    case 5: cv::transpose(stored, out); break;
    case 6: cv::rotate(stored, out, cv::ROTATE_90_CLOCKWISE); break;
    case 7: cv::rotate(cv::Mat(stored.t()), out, cv::ROTATE_180); break;
    case 8: cv::rotate(stored, out, cv::ROTATE_90_COUNTERCLOCKWISE); break;
    default: return stored;
  }
  return out;
}

}  // namespace spinfill
