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
cv::Mat MaskedPhotograph::rgba() const {
  std::array<cv::Mat, 4> channels;
  cv::split(rgb, channels.data());
  channels[3] = mask.alpha;
  cv::Mat out;
  cv::merge(channels.data(), channels.size(), out);
  return out;
}

MaskedPhotograph masked_photograph(const std::string& file, const cv::Mat& rgba, LazySegmenter& segmenter) {
  MaskedPhotograph one{file, {}, {}};
  cv::cvtColor(rgba, one.rgb, cv::COLOR_RGBA2RGB);
  if (!is_cut_out(rgba)) {
    one.mask = vehicle_mask(segmenter.get(), one.rgb);
    return one;
  }
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  one.mask = given_mask(alpha);
  return one;
}

std::vector<LeftOut> each_masked(const Photographs& photographs, LazySegmenter& segmenter, const TakePhotograph& take) {
  std::vector<LeftOut> left_out = photographs.left_out;
  for (const std::string& film : photographs.films)
    left_out.push_back({film, "is a film: spinfill complete --photos takes photographs out of it"});
  for (const std::string& file : photographs.files) {
    cv::Mat rgba;
    try {
      rgba = read_picture(photographs.path(file));
    } catch (const Error& error) {
      left_out.push_back({file, why_unread(error, photographs.path(file))});
      continue;
    }
    take(masked_photograph(file, rgba, segmenter));
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
