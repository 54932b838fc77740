// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/masked_photographs.h"

#include <opencv2/imgproc.hpp>

#include <array>
#include <map>
#include <set>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

// Shares of the photograph.
constexpr double kTooSmall = 0.01, kTooLarge = 0.9;
constexpr double kAlike = 0.7;  // of the vehicle's area: another thing that could have been meant

}  // namespace

cv::Mat MaskedPhotograph::rgba() const {
  std::array<cv::Mat, 4> channels;
  cv::split(rgb, channels.data());
  channels[3] = mask.alpha;
  cv::Mat out;
  cv::merge(channels.data(), channels.size(), out);
  return out;
}

MaskProblem mask_problem(const VehicleMask& mask) {
  if (mask.box.empty()) return {false, "nothing stands out of its background: take it with the whole vehicle in sight"};
  if (mask.area < kTooSmall)
    return {false, fmt::format("what stands out covers {:.1f} % of it: go nearer to the vehicle", 100 * mask.area)};
  if (mask.area > kTooLarge)
    return {false, fmt::format("what stands out covers {:.0f} % of it: take it with the whole vehicle in sight",
                               100 * mask.area)};
  if (mask.cut_off) return {true, "the vehicle reaches the border: take it with the whole vehicle in sight"};
  if (mask.others > kAlike) return {true, "another thing stands out as much as the vehicle: look at the mask"};
  return {};
}

std::vector<LeftOut> each_masked(const Photographs& photographs, LazySegmenter& segmenter, const TakePhotograph& take) {
  std::vector<LeftOut> left_out = photographs.left_out;
  for (const std::string& file : photographs.files) {
    MaskedPhotograph one{file, {}, {}};
    cv::Mat rgba;
    try {
      rgba = read_picture(photographs.folder / file);
    } catch (const Error& error) {
      left_out.push_back({file, why_unread(error, photographs.folder / file)});
      continue;
    }
    cv::cvtColor(rgba, one.rgb, cv::COLOR_RGBA2RGB);
    cv::Mat alpha;
    cv::extractChannel(rgba, alpha, 3);
    double lowest = 0;
    cv::minMaxLoc(alpha, &lowest);
    one.mask = lowest < kSeenAlpha ? given_mask(alpha) : vehicle_mask(segmenter.get(), one.rgb);
    take(std::move(one));
  }
  return left_out;
}

std::vector<std::string> png_names(const std::vector<std::string>& files) {
  std::map<std::string, int> stems;
  for (const std::string& file : files) ++stems[fs::path(file).stem().string()];
  std::vector<std::string> names;
  std::set<std::string> used;
  for (const std::string& file : files) {
    const std::string stem = fs::path(file).stem().string();
    std::string name = stems[stem] == 1 ? stem : file;
    while (!used.insert(name).second) name += "-2";  // a.jpg and a.webp beside a.jpg.png
    names.push_back(name + ".png");
  }
  return names;
}

}  // namespace spinfill
