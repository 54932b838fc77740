// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/exposure_gain.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>

namespace spinfill {
namespace {

constexpr double kKnee = 0.8;  // linear light from which on highlights are bent towards white

double exposed(double x, double gain) {
  const double knee = kKnee / std::max(gain, 1.0);
  if (x <= knee) return gain * x;
  const double power = gain * (1 - knee) / (1 - gain * knee);
  return 1 - (1 - gain * knee) * std::pow(std::max(0.0, 1 - (x - knee) / (1 - knee)), power);
}

}  // namespace

double linear_of_srgb(double encoded) {
  return encoded <= 0.04045 ? encoded / 12.92 : std::pow((encoded + 0.055) / 1.055, 2.4);
}

double srgb_of_linear(double linear) {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

cv::Mat with_gain(const cv::Mat& rgba, const StopsGain& stops) {
  if (stops == kNoGain) return rgba.clone();
  cv::Mat table(1, 256, CV_8UC4), out;
  for (int i = 0; i < 256; ++i) {
    auto& entry = table.at<cv::Vec4b>(0, i);
    for (int c = 0; c < 3; ++c) {
      const double light = exposed(linear_of_srgb(i / 255.0), std::exp2(stops[static_cast<std::size_t>(c)]));
      entry[c] = static_cast<uchar>(std::lround(255 * std::clamp(srgb_of_linear(light), 0.0, 1.0)));
    }
    entry[3] = static_cast<uchar>(i);
  }
  cv::LUT(rgba, table, out);
  return out;
}

}  // namespace spinfill
