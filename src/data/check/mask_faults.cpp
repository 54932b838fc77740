// SPDX-License-Identifier: Apache-2.0
#include "data/check/mask_faults.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>
#include <vector>

#include <opencv2/core.hpp>

namespace spinfill {
namespace {

constexpr int kCovered = 128;            // alpha from which a pixel counts as vehicle
constexpr int kFaint = 250;              // a whole mask below this is no mask of 0 … 255
constexpr double kClear = 0.001;         // share of the picture that a mask leaves clear at least
constexpr double kInvertedBorder = 0.9;  // share of the border that only an inverted mask covers

// " (its green channel is not: …)": where a mask lies in another channel than the red one.
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

}  // namespace

std::optional<MaskFault> mask_fault(const cv::Mat& picture, const cv::Mat& mask) {
  cv::Mat alpha;
  cv::extractChannel(picture, alpha, 3);
  double least = 0, most = 0;
  cv::minMaxLoc(alpha, &least, &most);
  if (least == 255) {
    const std::string other = other_channel(mask);
    if (!other.empty()) return MaskFault{"no mask: the mask's red channel is full" + other, "save the mask as grey"};
    return MaskFault{"no mask: every pixel is opaque", "cut the vehicle out (alpha channel or mask_file_path)"};
  }
  if (most < kCovered) {
    const std::string other = most == 0 ? other_channel(mask) : "";
    if (!other.empty())
      return MaskFault{"empty mask: the mask's red channel is empty" + other, "save the mask as grey"};
    return MaskFault{"empty mask: no pixel is covered", "cut the vehicle out again"};
  }
  if (most < kFaint && !mask.empty()) {
    return MaskFault{fmt::format("faint mask: its brightest pixel is {:.0f} of 255", most),
                     "save the vehicle as white (255) on black"};
  }
  const cv::Mat covered = alpha >= kCovered;
  const double clear = 1 - static_cast<double>(cv::countNonZero(covered)) / static_cast<double>(covered.total());
  if (clear < kClear) return MaskFault{"no mask: nearly every pixel is covered", "cut the vehicle out again"};
  const std::array borders = {std::pair{"left", covered.col(0)}, std::pair{"right", covered.col(covered.cols - 1)},
                              std::pair{"upper", covered.row(0)}, std::pair{"lower", covered.row(covered.rows - 1)}};
  std::vector<std::string> touched;
  double on_border = 0, border = 0;
  for (const auto& [side, pixels] : borders) {
    const int count = cv::countNonZero(pixels);
    if (count > 0) touched.emplace_back(side);
    on_border += count;
    border += static_cast<double>(pixels.total());
  }
  if (on_border > kInvertedBorder * border)
    return MaskFault{"inverted mask: the border is covered and the inside is not", "invert it: the vehicle is white"};
  if (touched.empty()) return std::nullopt;
  return MaskFault{fmt::format("the vehicle touches the {} border", fmt::join(touched, " and ")),
                   "take or render the picture with room around the vehicle"};
}

}  // namespace spinfill
