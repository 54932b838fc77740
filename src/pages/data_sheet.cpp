// SPDX-License-Identifier: Apache-2.0
#include "pages/data_sheet.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/sets/slots.h"

namespace spinfill {
namespace {

constexpr int kCell = 128, kLabel = 150, kGap = 4;  // px

// 8-bit RGBA → RGB on white, scaled to fit into a cell.
cv::Mat cell_picture(const cv::Mat& rgba) {
  const double scale = std::min(static_cast<double>(kCell) / rgba.cols, static_cast<double>(kCell) / rgba.rows);
  const cv::Size size(std::max(1, static_cast<int>(rgba.cols * scale)),
                      std::max(1, static_cast<int>(rgba.rows * scale)));
  return on_plain_ground(rgba, size, cv::Scalar::all(255));
}

void write(cv::Mat& page, const std::string& text, int y) {
  cv::putText(page, text.substr(0, 20), {4, y}, cv::FONT_HERSHEY_SIMPLEX, 0.4, cv::Scalar(40, 40, 40), 1, cv::LINE_AA);
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

// The same PNG with a text that names its maker, behind the header, which has 33 bytes with the signature.
std::string with_maker(std::string png, std::string_view maker) {
  const std::string chunk = "tEXt" + std::string("Software") + '\0' + std::string(maker);
  const auto checksum = ::crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size()));
  const auto length = static_cast<std::uint32_t>(chunk.size() - 4);
  return png.insert(33, big_endian(length) + chunk + big_endian(static_cast<std::uint32_t>(checksum)));
}

}  // namespace

void write_data_sheet(const std::vector<ViewSet>& sets, const std::filesystem::path& path) {
  const int rows = static_cast<int>(sets.size());
  cv::Mat page(rows * (kCell + kGap) + kGap, kLabel + kSlots * (kCell + kGap), CV_8UC3, cv::Scalar(255, 255, 255));
  for (int r = 0; r < rows; ++r) {
    const ViewSet& set = sets[static_cast<std::size_t>(r)];
    const int y = kGap + r * (kCell + kGap);
    write(page, set.id, y + 16);
    write(page, set.category, y + 34);
    for (int slot = 0; slot < kSlots; ++slot) {
      cv::Mat cell = page(cv::Rect(kLabel + slot * (kCell + kGap), y, kCell, kCell));
      cell.setTo(cv::Scalar(232, 232, 232));
      const Frame* frame = set.frame_at(slot);
      if (frame == nullptr) continue;
      const cv::Mat rgb = cell_picture(read_masked_picture(set, *frame));
      rgb.copyTo(cell(cv::Rect((kCell - rgb.cols) / 2, (kCell - rgb.rows) / 2, rgb.cols, rgb.rows)));
    }
  }
  write_file_atomic(path, with_maker(encode_png(page), kDataSheetMaker));
}

}  // namespace spinfill
