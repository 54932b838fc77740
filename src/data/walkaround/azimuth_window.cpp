// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/azimuth_window.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

#include "geometry/angles.h"

namespace spinfill {

cv::Mat azimuth_window(const cv::Mat& rgb, const cv::Rect& box, const WindowChange& change) {
  double scale = std::min(kAzimuthWidth / (change.room * box.width), kAzimuthHeight / (change.room * box.height));
  cv::Mat from = rgb;
  double left = box.x + box.width / 2.0, top = box.y + box.height / 2.0;
  // Areas are averaged by whole factors first, so that the bilinear look-up below skips no pixel.
  if (const int factor = static_cast<int>(std::floor(1 / scale)); factor > 1) {
    const cv::Size small(std::max(1, rgb.cols / factor), std::max(1, rgb.rows / factor));
    cv::resize(rgb, from, small, 0, 0, cv::INTER_AREA);
    left *= static_cast<double>(small.width) / rgb.cols;
    top *= static_cast<double>(small.height) / rgb.rows;
    scale *= static_cast<double>(rgb.cols) / small.width;
  }
  // window = linear·(photograph − centre) + window's centre + shift
  const double c = scale * std::cos(change.roll_deg * kDegree), s = scale * std::sin(change.roll_deg * kDegree);
  const double flip = change.mirror ? -1 : 1;
  const double x = kAzimuthWidth * (0.5 + change.shift_x), y = kAzimuthHeight * (0.5 + change.shift_y);
  const cv::Matx23d to(flip * c, flip * -s, x - flip * (c * left - s * top) - 0.5, s, c,
                       y - (s * left + c * top) - 0.5);
  cv::Matx23d pixels = to;  // the same between centres of pixels
  for (int row = 0; row < 2; ++row) pixels(row, 2) += 0.5 * (to(row, 0) + to(row, 1));
  cv::Mat window;
  cv::warpAffine(from, window, pixels, cv::Size(kAzimuthWidth, kAzimuthHeight), cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                 kAzimuthGround);
  return window;
}

cv::Mat on_azimuth_ground(const cv::Mat& rgb, const cv::Mat& alpha) {
  cv::Mat out(rgb.size(), CV_8UC3);
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const int a = alpha.at<uchar>(y, x);
      for (int i = 0; i < 3; ++i) {
        const int ground = static_cast<int>(kAzimuthGround[i]);
        out.at<cv::Vec3b>(y, x)[i] =
            static_cast<uchar>((rgb.at<cv::Vec3b>(y, x)[i] * a + ground * (255 - a) + 127) / 255);
      }
    }
  }
  return out;
}

}  // namespace spinfill
