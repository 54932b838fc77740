// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// A pinhole camera that stands where an equirectangular picture was taken.
struct BackdropView {
  double yaw_deg = 0, pitch_deg = 0;  // towards the picture's left and up
  double focal = 1.5;                 // share of the width
  double exposure = 1;                // the mean of the picture's luminance becomes 0.18 times this
};

// What it sees, as a camera shows it: 8-bit sRGB. `radiance`: 3 × float, linear, twice as wide as high
// (decode_radiance, data/pictures/radiance_file.h). Bright places roll off by x/(1+x)-like shoulders instead of
// clipping hard.
cv::Mat backdrop(const cv::Mat& radiance, const BackdropView& view, cv::Size size);

// All .hdr pictures of a folder, in the order of their names. Exit 2: no such folder or none in it; exit 3: one that
// cannot be read.
std::vector<cv::Mat> read_backdrops(const std::filesystem::path& folder);

// 8-bit straight RGBA over 8-bit RGB of the same size.
cv::Mat over(const cv::Mat& rgba, const cv::Mat& ground);

}  // namespace spinfill
