// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/camera_look.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "data/batches/augment.h"

namespace spinfill {

void recolour(cv::Mat& rgb, Random& random) {
  const double brightness = random.uniform(0.6, 1.4), contrast = random.uniform(0.7, 1.3);
  const double saturation = random.chance(0.1) ? 0 : random.uniform(0.5, 1.5), hue = random.uniform(-0.5, 0.5);
  const ColourMap map = colour_map(brightness, contrast, saturation, random.chance(0.5) ? hue : 0);
  const double gamma = std::exp(random.uniform(-0.4, 0.4));
  std::array<uchar, 1024> curve;  // behind the map, in [0,1]
  for (std::size_t i = 0; i < curve.size(); ++i)
    curve[i] = static_cast<uchar>(std::lround(255 * std::pow(static_cast<double>(i) / (curve.size() - 1), gamma)));
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      auto& pixel = rgb.at<cv::Vec3b>(y, x);
      const float c[3] = {pixel[0] / 255.F, pixel[1] / 255.F, pixel[2] / 255.F};
      for (std::size_t i = 0; i < 3; ++i) {
        const auto& row = map[i];
        const float value = std::clamp(row[0] * c[0] + row[1] * c[1] + row[2] * c[2] + row[3], 0.F, 1.F);
        pixel[static_cast<int>(i)] = curve[static_cast<std::size_t>(value * (curve.size() - 1) + 0.5F)];
      }
    }
  }
  if (!random.chance(0.3)) return;
  cv::Mat noise(rgb.size(), CV_16SC3);
  cv::RNG generator(random.bits64());
  generator.fill(noise, cv::RNG::NORMAL, cv::Scalar::all(0), cv::Scalar::all(random.uniform(0, 10)));
  cv::add(rgb, noise, rgb, cv::noArray(), CV_8U);
}

void soften(cv::Mat& rgb, Random& random) {
  if (random.chance(0.3)) cv::GaussianBlur(rgb, rgb, cv::Size(), random.uniform(0.4, 1.5));
  if (!random.chance(0.15)) return;
  const double factor = random.uniform(0.4, 0.9);
  cv::Mat small;
  cv::resize(rgb, small, cv::Size(), factor, factor, cv::INTER_AREA);
  cv::resize(small, rgb, rgb.size(), 0, 0, cv::INTER_LINEAR);
}

void store_as_jpeg(cv::Mat& rgb, Random& random) {
  std::vector<uchar> bytes;
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, static_cast<int>(30 + random.integer(66))});
  cv::cvtColor(cv::imdecode(bytes, cv::IMREAD_COLOR), rgb, cv::COLOR_BGR2RGB);
}

}  // namespace spinfill
