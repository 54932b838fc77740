// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/radiance_file.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"

// OpenCV reads these files only by name and prints its own complaints; the format is small.
namespace spinfill {
namespace {

constexpr int kMaxWidth = 8192, kMaxHeight = 4096;

class RadianceReader {
 public:
  RadianceReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  // Width and height.
  std::array<int, 2> header();
  // A row's bytes: red, green, blue, exponent of every pixel.
  void row(std::vector<std::array<std::uint8_t, 4>>& out);

 private:
  [[noreturn]] void damaged() const { fail("{}: is cut off or damaged: copy or save the picture again", where_); }
  std::string_view line();
  std::uint8_t byte() {
    if (at_ >= bytes_.size()) damaged();
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
};

std::string_view RadianceReader::line() {
  const std::size_t end = bytes_.substr(at_, 4096).find('\n');
  if (end == std::string_view::npos) damaged();
  const std::string_view text = bytes_.substr(at_, end);
  at_ += end + 1;
  return text;
}

std::array<int, 2> RadianceReader::header() {
  if (!bytes_.starts_with("#?RADIANCE") && !bytes_.starts_with("#?RGBE"))
    fail("{}: is no Radiance picture: save it as .hdr", where_);
  line();
  for (std::string_view text = line(); !text.empty(); text = line()) {
    if (text.starts_with("FORMAT=") && text != "FORMAT=32-bit_rle_rgbe")
      fail("{}: {}: only FORMAT=32-bit_rle_rgbe is read: save it with RGB colours", where_, text);
  }
  const std::string_view size = line();
  const std::size_t x = size.find(" +X ");
  int width = 0, height = 0;
  const auto number = [](std::string_view text, int& value) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
  };
  if (!size.starts_with("-Y ") || x == std::string_view::npos || x < 3 || !number(size.substr(3, x - 3), height) ||
      !number(size.substr(x + 4), width))
    fail("{}: the size '{}' is not '-Y HEIGHT +X WIDTH': save the picture upright", where_, size);
  if (width < 1 || height < 1 || width > kMaxWidth || height > kMaxHeight)
    fail("{}: {}x{} px; at most {}x{} are read: scale it down", where_, width, height, kMaxWidth, kMaxHeight);
  // Every row takes 4 bytes and more: a header alone must not make us allocate.
  if ((bytes_.size() - at_) / 4 < static_cast<std::size_t>(height)) damaged();
  return {width, height};
}

void RadianceReader::row(std::vector<std::array<std::uint8_t, 4>>& out) {
  const std::size_t width = out.size();
  const std::array<std::uint8_t, 4> first = {byte(), byte(), byte(), byte()};
  const bool packed = width >= 8 && width < 32768 && first[0] == 2 && first[1] == 2 && first[2] < 128;
  if (!packed) {
    out[0] = first;
    for (std::size_t x = 1; x < width; ++x) out[x] = {byte(), byte(), byte(), byte()};
    for (const auto& pixel : out) {
      if (pixel[0] == 1 && pixel[1] == 1 && pixel[2] == 1)
        fail("{}: uses the run-length coding of before 1991: save the picture again", where_);
    }
    return;
  }
  if (static_cast<std::size_t>(first[2]) << 8 != (width & ~std::size_t{255}) || first[3] != (width & 255)) damaged();
  for (std::size_t channel = 0; channel < 4; ++channel) {
    for (std::size_t x = 0; x < width;) {
      const std::size_t code = byte(), count = code > 128 ? code - 128 : code;
      if (count == 0 || count > width - x) damaged();
      const std::uint8_t value = code > 128 ? byte() : 0;
      for (std::size_t i = 0; i < count; ++i) out[x++][channel] = code > 128 ? value : byte();
    }
  }
}

}  // namespace

cv::Mat decode_radiance(std::string_view bytes, const std::string& where) {
  RadianceReader reader(bytes, where);
  const auto [width, height] = reader.header();
  cv::Mat picture(height, width, CV_32FC3);
  std::vector<std::array<std::uint8_t, 4>> row(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    reader.row(row);
    for (int x = 0; x < width; ++x) {
      const auto& p = row[static_cast<std::size_t>(x)];
      const float unit = p[3] == 0 ? 0.0f : std::ldexp(1.0f, p[3] - 136);  // exponent of excess 128, mantissa of 8 bits
      picture.at<cv::Vec3f>(y, x) = {unit * p[0], unit * p[1], unit * p[2]};
    }
  }
  return picture;
}

}  // namespace spinfill
