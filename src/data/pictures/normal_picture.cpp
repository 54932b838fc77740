// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/normal_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <opencv2/imgcodecs.hpp>

#include "core/error.h"

namespace spinfill {

cv::Mat normal_picture(const cv::Mat& normals) {
  cv::Mat out(normals.size(), CV_16UC3);
  for (int y = 0; y < normals.rows; ++y) {
    for (int x = 0; x < normals.cols; ++x) {
      const auto& n = normals.at<cv::Vec3f>(y, x);
      auto& to = out.at<cv::Vec3w>(y, x);
      const bool none = n == cv::Vec3f(0, 0, 0);
      for (int c = 0; c < 3; ++c)
        to[2 - c] = none ? 0 : static_cast<std::uint16_t>(std::lround(32768 + 32767 * std::clamp(n[c], -1.0F, 1.0F)));
    }
  }
  return out;
}

std::string encode_normals(const cv::Mat& normals) {
  std::vector<std::uint8_t> bytes;
  if (!cv::imencode(".png", normal_picture(normals), bytes, {cv::IMWRITE_PNG_COMPRESSION, 3}))
    fail("a normal picture of {}x{} px cannot be encoded", normals.cols, normals.rows);
  return {bytes.begin(), bytes.end()};
}

cv::Mat normals_as_colours(const cv::Mat& picture) {
  cv::Mat out(picture.size(), CV_32FC4);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      const auto& from = picture.at<cv::Vec3w>(y, x);
      const bool none = from == cv::Vec3w(0, 0, 0);
      auto& to = out.at<cv::Vec4f>(y, x);
      for (int c = 0; c < 3; ++c) {
        const float n = std::max(-1.0F, (static_cast<float>(from[2 - c]) - 32768) / 32767);
        to[c] = none ? 0 : (n + 1) / 2;
      }
      to[3] = none ? 0 : 1;
    }
  }
  return out;
}

cv::Mat normals_of_colours(const cv::Mat& colours) {
  cv::Mat out(colours.size(), CV_32FC3);
  for (int y = 0; y < colours.rows; ++y) {
    for (int x = 0; x < colours.cols; ++x) {
      const auto& from = colours.at<cv::Vec4f>(y, x);
      for (int c = 0; c < 3; ++c) out.at<cv::Vec3f>(y, x)[c] = 2 * from[c] - from[3];
    }
  }
  return out;
}

}  // namespace spinfill
