// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/backdrop.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/radiance_file.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kMiddleGrey = 0.18;
constexpr double kWhite = 4;  // what becomes white; above it everything does

// Linear to 8-bit sRGB (IEC 61966-2-1) behind the curve x(1 + x/w²)/(1 + x) with white w (Reinhard et al.,
// "Photographic tone reproduction for digital images", SIGGRAPH 2002, eq. 4), scaled to keep middle grey.
uchar shown_exactly(double x) {
  constexpr double kKeep = (1 + kMiddleGrey) / (1 + kMiddleGrey / (kWhite * kWhite));
  const double toned = std::min(1.0, kKeep * x * (1 + x / (kWhite * kWhite)) / (1 + x));
  const double encoded = toned <= 0.0031308 ? 12.92 * toned : 1.055 * std::pow(toned, 1 / 2.4) - 0.055;
  return static_cast<uchar>(std::lround(255 * encoded));
}

// The same by a table over the square root, whose steps are finer than those of 8 bits.
uchar shown(double linear) {
  static const auto table = [] {
    std::array<uchar, 4096> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double root = 2.0 * static_cast<double>(i) / (out.size() - 1);
      out[i] = shown_exactly(root * root);
    }
    return out;
  }();
  const double root = std::min(2.0, std::sqrt(std::max(0.0, linear)));
  return table[static_cast<std::size_t>(std::lround(root / 2 * (table.size() - 1)))];
}

}  // namespace

cv::Mat backdrop(const cv::Mat& radiance, const BackdropView& view, cv::Size size) {
  cv::Mat map_x(size, CV_32F), map_y(size, CV_32F);
  const double focal = view.focal * size.width;
  const double cos_pitch = std::cos(view.pitch_deg * kDegree), sin_pitch = std::sin(view.pitch_deg * kDegree);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double right = (x + 0.5 - size.width / 2.0) / focal, down = (y + 0.5 - size.height / 2.0) / focal;
      const double ahead = cos_pitch + down * sin_pitch, up = sin_pitch - down * cos_pitch;
      const double yaw = view.yaw_deg * kDegree - std::atan2(right, ahead);  // to the left
      const double height = std::atan2(up, std::hypot(right, ahead));
      const double turns = 0.5 - yaw / (2 * std::numbers::pi);
      map_x.at<float>(y, x) = static_cast<float>((turns - std::floor(turns)) * radiance.cols - 0.5);
      map_y.at<float>(y, x) = static_cast<float>((0.5 - height / std::numbers::pi) * radiance.rows - 0.5);
    }
  }
  cv::Mat seen;
  cv::remap(radiance, seen, map_x, map_y, cv::INTER_LINEAR, cv::BORDER_WRAP);
  const cv::Scalar means = cv::mean(radiance);
  const double luminance = 0.2126 * means[0] + 0.7152 * means[1] + 0.0722 * means[2];
  const double scale = view.exposure * kMiddleGrey / std::max(luminance, 1e-9);
  cv::Mat out(size, CV_8UC3);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const auto& colour = seen.at<cv::Vec3f>(y, x);
      for (int c = 0; c < 3; ++c) out.at<cv::Vec3b>(y, x)[c] = shown(scale * colour[c]);
    }
  }
  return out;
}

std::vector<cv::Mat> read_backdrops(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail_usage("{}: there is no such folder of .hdr pictures", folder.string());
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".hdr") files.push_back(entry.path());
  }
  if (files.empty()) fail_usage("{}: holds no .hdr picture", folder.string());
  std::ranges::sort(files);
  std::vector<cv::Mat> pictures;
  for (const fs::path& file : files) pictures.push_back(decode_radiance(read_file(file), file.string()));
  return pictures;
}

cv::Mat over(const cv::Mat& rgba, const cv::Mat& ground) {
  cv::Mat out(rgba.size(), CV_8UC3);
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      const auto& top = rgba.at<cv::Vec4b>(y, x);
      const auto& below = ground.at<cv::Vec3b>(y, x);
      for (int c = 0; c < 3; ++c)
        out.at<cv::Vec3b>(y, x)[c] = static_cast<uchar>((top[c] * top[3] + below[c] * (255 - top[3]) + 127) / 255);
    }
  }
  return out;
}

}  // namespace spinfill
