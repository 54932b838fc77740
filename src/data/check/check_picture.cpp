// SPDX-License-Identifier: Apache-2.0
#include "data/check/check_picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <set>

#include "core/files/sha256.h"

namespace spinfill {
namespace {

constexpr unsigned char kCovered = 128;   // alpha from which a pixel counts as vehicle
constexpr double kNearlyFull = 0.95;      // share of the picture's pixels
constexpr double kNearlyEmpty = 1 / 2e3;  // the same: some stray pixels

std::vector<PictureProblem> mask_problems(const cv::Mat& rgba) {
  std::int64_t covered = 0, opaque = 0;
  std::set<std::string> sides;
  for (int y = 0; y < rgba.rows; ++y) {
    const auto* row = rgba.ptr<cv::Vec4b>(y);
    for (int x = 0; x < rgba.cols; ++x) {
      opaque += row[x][3] == 255;
      if (row[x][3] < kCovered) continue;
      ++covered;
      if (x == 0) sides.insert("left");
      if (x == rgba.cols - 1) sides.insert("right");
      if (y == 0) sides.insert("upper");
      if (y == rgba.rows - 1) sides.insert("lower");
    }
  }
  const std::int64_t all = std::int64_t{rgba.rows} * rgba.cols;
  const double share = static_cast<double>(covered) / static_cast<double>(all);
  if (covered == 0) return {{"empty mask: no pixel is covered", "cut the vehicle out again"}};
  if (opaque == all)
    return {{"no mask: every pixel is opaque", "cut the vehicle out (alpha channel or mask_file_path)"}};
  if (share > kNearlyFull) {
    return {{fmt::format("nearly full mask: {:.1f} % of the picture is covered", 100 * share),
             "cut the vehicle out again: the background seems to be part of it"}};
  }
  std::vector<PictureProblem> out;
  if (share < kNearlyEmpty) {
    out.push_back({fmt::format("nearly empty mask: {:.2g} % of the picture is covered", 100 * share),
                   "cut the vehicle out again, or crop the picture"});
  }
  if (!sides.empty()) {
    out.push_back({fmt::format("the vehicle touches the {} border", fmt::join(sides, " and ")),
                   "take or render the picture with room around the vehicle"});
  }
  return out;
}

}  // namespace

std::vector<PictureProblem> PictureCheck::add(const std::string& file, const cv::Mat& rgba) {
  std::vector<PictureProblem> out = mask_problems(rgba);
  const cv::Mat whole = rgba.isContinuous() ? rgba : rgba.clone();
  Sha256 hash;
  hash.add(whole.data, whole.total() * whole.elemSize());
  const auto [other, fresh] = seen_.emplace(hash.hex(), file);
  if (!fresh) {
    out.push_back({fmt::format("is the same picture as {}", other->second),
                   "give each view a photograph of its own, or remove one"});
  }
  return out;
}

}  // namespace spinfill
