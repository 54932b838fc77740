// SPDX-License-Identifier: Apache-2.0
#include "data/check/check_picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <opencv2/core.hpp>
#include <utility>

#include "core/files/sha256.h"

namespace spinfill {
namespace {

constexpr int kCovered = 128;             // alpha from which a pixel counts as vehicle
constexpr int kFaint = 250;               // a whole mask below this is no mask of 0 … 255
constexpr double kNearlyFull = 0.95;      // share of the picture's pixels
constexpr double kNearlyEmpty = 1 / 2e3;  // the same: some stray pixels
constexpr double kInvertedBorder = 0.9;   // share of the border that only an inverted mask covers

// ", but its green channel is a mask": where a mask lies in another channel than the red one.
std::string other_channel(const cv::Mat& mask) {
  if (mask.empty()) return "";
  std::vector<cv::Mat> channels;
  cv::split(mask, channels);
  for (const auto& [index, name] : {std::pair{1, "green"}, std::pair{2, "blue"}, std::pair{3, "alpha"}}) {
    double least = 0, most = 0;
    cv::minMaxLoc(channels[static_cast<std::size_t>(index)], &least, &most);
    if (least != most) return fmt::format(", but its {} channel is a mask", name);
  }
  return "";
}

// Which borders of the picture the mask reaches, and whether it covers them nearly whole.
struct Borders {
  std::vector<std::string> touched;
  bool covered = false;
};

Borders borders_of(const cv::Mat& covered) {
  Borders out;
  double on_border = 0, border = 0;
  for (const auto& [side, pixels] :
       {std::pair{"left", covered.col(0)}, std::pair{"lower", covered.row(covered.rows - 1)},
        std::pair{"right", covered.col(covered.cols - 1)}, std::pair{"upper", covered.row(0)}}) {
    const int count = cv::countNonZero(pixels);
    if (count > 0) out.touched.emplace_back(side);
    on_border += count;
    border += static_cast<double>(pixels.total());
  }
  out.covered = on_border > kInvertedBorder * border;
  return out;
}

std::vector<PictureProblem> mask_problems(const cv::Mat& rgba, const cv::Mat& mask) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  double least = 0, most = 0;
  cv::minMaxLoc(alpha, &least, &most);
  if (least == 255) {
    const std::string other = other_channel(mask);
    if (!other.empty()) return {{"no mask: the mask's red channel is full" + other, "save the mask as grey"}};
    return {{"no mask: every pixel is opaque", "cut the vehicle out (alpha channel or mask_file_path)"}};
  }
  if (most < kCovered) {
    const std::string other = most == 0 ? other_channel(mask) : "";
    if (!other.empty()) return {{"empty mask: the mask's red channel is empty" + other, "save the mask as grey"}};
    return {{"empty mask: no pixel is covered", "cut the vehicle out again"}};
  }
  if (most < kFaint && !mask.empty()) {
    return {{fmt::format("faint mask: its brightest pixel is {:.0f} of 255", most),
             "save the vehicle as white (255) on black"}};
  }
  const cv::Mat covered = alpha >= kCovered;
  const double share = static_cast<double>(cv::countNonZero(covered)) / static_cast<double>(covered.total());
  const Borders borders = borders_of(covered);
  if (share > kNearlyFull) {
    return {{fmt::format("nearly full mask: {:.1f} % of the picture is covered", 100 * share),
             "cut the vehicle out again: the background seems to be part of it"}};
  }
  if (borders.covered)
    return {{"inverted mask: the border is covered and the inside is not", "invert it: the vehicle is white"}};
  std::vector<PictureProblem> out;
  if (share < kNearlyEmpty) {
    out.push_back({fmt::format("nearly empty mask: {:.2g} % of the picture is covered", 100 * share),
                   "cut the vehicle out again, or crop the picture"});
  }
  if (!borders.touched.empty()) {
    out.push_back({fmt::format("the vehicle touches the {} border", fmt::join(borders.touched, " and ")),
                   "take or render the picture with room around the vehicle"});
  }
  return out;
}

}  // namespace

std::vector<PictureProblem> PictureCheck::add(const std::string& file, const cv::Mat& rgba, const cv::Mat& mask) {
  std::vector<PictureProblem> out = mask_problems(rgba, mask);
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
