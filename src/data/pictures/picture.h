// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Pictures are PNG, JPEG, WebP, HEIC or AVIF, decoded by their reference libraries with silent error handlers of our
// own: a file that is damaged anywhere is one error (exit 3), never a half-decoded picture and never a line on stderr.
constexpr int kMaxPictureSide = 16384;  // px
constexpr std::int64_t kMaxPicturePixels = 100'000'000;
constexpr std::uint64_t kMaxPictureFileBytes = std::uint64_t{1} << 30;

enum class PictureFormat { png, jpeg, webp, heif };

struct PictureSize {
  PictureFormat format;
  int width, height;             // px, upright, within the limits above
  int orientation = 1;           // EXIF's (data/pictures/exif.h): how the file's rows are turned to be upright
  bool for_every_viewer = true;  // false: HEIC, AVIF and CMYK, which many cannot show
};

// Before anything is allocated for pixels. Takes the whole file: headers may lie behind megabytes of metadata, and what
// turns the picture behind the pixels.
PictureSize picture_size(std::string_view bytes, const std::string& where);
PictureSize picture_size(const std::filesystem::path& path);

// Whole picture, upright, as RGBA of 8 bits in sRGB, straight alpha (255 where the file has none). 16 bits are reduced,
// palettes and grey are expanded, CMYK, colours of another profile and high dynamic range
// (data/pictures/dynamic_range.h) are brought to sRGB; a profile that is damaged is told in one line. as_stored:
// profiles and range are left alone, for pictures whose values are no colours (masks, depth).
enum class Colours { srgb, as_stored };
cv::Mat decode_picture(std::string_view bytes, const std::string& where, Colours colours = Colours::srgb);

cv::Mat read_picture(const std::filesystem::path& path);  // the same of a file

// An RGBA picture of 8 bits composited on one colour (0 … 255) and scaled; 8-bit RGB.
cv::Mat on_plain_ground(const cv::Mat& rgba, cv::Size size, const cv::Scalar& ground);

// 8-bit pictures of 3 or 4 channels, or 1 (grey), in sRGB.
std::string encode_png(const cv::Mat& rgba_or_rgb);
void write_png(const std::filesystem::path& path, const cv::Mat& rgba_or_rgb);  // the same, atomic

// A picture file as a PNG with the pixels that decode_picture() gives, for viewers that do not obey EXIF or cannot show
// the format.
std::string upright_png(std::string_view bytes, const std::string& where);

}  // namespace spinfill
