// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/show_hall.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace spinfill {
namespace {

// Floors of shows are bright red or blue as often as grey.
cv::Scalar floor_colour(Random& random) {
  const double value = random.uniform(20, 255);
  if (random.chance(0.4)) return cv::Scalar::all(value);
  const double hue = random.chance(0.35) ? random.uniform(-12, 12) : random.uniform(0, 180);
  const cv::Mat hsv(1, 1, CV_8UC3,
                    cv::Scalar(std::fmod(hue + 180, 180), random.uniform(60, 255), std::max(value, 60.0)));
  cv::Mat rgb;
  cv::cvtColor(hsv, rgb, cv::COLOR_HSV2RGB);
  return rgb.at<cv::Vec3b>(0, 0);
}

cv::Mat floor_shape(cv::Size size, const cv::Rect& box, Random& random) {
  cv::Mat shape = cv::Mat::zeros(size, CV_8U);
  const double length = std::max<double>(box.width, 2 * box.height);  // of a vehicle seen from its end, too
  const int bottom = box.y + box.height;
  if (random.chance(0.7)) {
    const cv::Point centre(box.x + static_cast<int>(random.uniform(0.35, 0.65) * box.width),
                           bottom - static_cast<int>(random.uniform(0, 0.2) * box.height));
    const double half = random.uniform(0.4, 0.8) * length;
    const cv::Size axes(static_cast<int>(half), 2 + static_cast<int>(random.uniform(0.08, 0.35) * half));
    cv::ellipse(shape, centre, axes, random.uniform(-3, 3), 0, 360, cv::Scalar(255), cv::FILLED, cv::LINE_AA);
  } else {
    const int top = bottom - static_cast<int>(random.uniform(0.05, 0.35) * box.height);
    const int slope = static_cast<int>(random.uniform(-0.15, 0.15) * box.height);
    const std::array<cv::Point, 4> corners{cv::Point(0, top - slope), cv::Point(size.width, top + slope),
                                           cv::Point(size.width, size.height), cv::Point(0, size.height)};
    cv::fillConvexPoly(shape, corners.data(), 4, cv::Scalar(255), cv::LINE_AA);
  }
  return shape;
}

uchar mixed(double a, double b, double share_of_b) {
  return cv::saturate_cast<uchar>(a + share_of_b * (b - a));
}

}  // namespace

cv::Mat lay_show_floor(cv::Mat& place, const cv::Mat& rgba, const cv::Rect& box, Random& random) {
  const cv::Mat shape = floor_shape(place.size(), box, random);
  const cv::Scalar colour = floor_colour(random);
  const double cover = random.uniform(0.5, 1), gloss = random.chance(0.6) ? random.uniform(0.1, 0.6) : 0;
  const int bottom = box.y + box.height;
  for (int y = 0; y < place.rows; ++y) {
    const int mirrored = 2 * bottom - 1 - y;
    const bool mirrors = y >= bottom && mirrored >= 0;
    for (int x = 0; x < place.cols; ++x) {
      if (shape.at<uchar>(y, x) == 0) continue;
      auto& pixel = place.at<cv::Vec3b>(y, x);
      const cv::Vec4b image = mirrors ? rgba.at<cv::Vec4b>(mirrored, x) : cv::Vec4b();
      for (int c = 0; c < 3; ++c) {
        const uchar plain = mixed(pixel[c], colour[c], cover);
        pixel[c] = mixed(pixel[c], mixed(plain, image[c], gloss * image[3] / 255), shape.at<uchar>(y, x) / 255.0);
      }
    }
  }
  return shape;
}

cv::Mat under_spotlights(const cv::Mat& rgba, Random& random) {
  const double gamma = random.uniform(1, 2.2);
  cv::Mat lights = cv::Mat::zeros(rgba.size(), CV_8UC3);
  for (std::int64_t i = random.integer(5); i > 0; --i) {
    const cv::Point from(static_cast<int>(random.integer(rgba.cols)), static_cast<int>(random.integer(rgba.rows)));
    const cv::Point along(static_cast<int>(random.uniform(-0.25, 0.25) * rgba.cols),
                          static_cast<int>(random.uniform(-0.08, 0.08) * rgba.rows));
    const double strength = random.uniform(80, 255), warmth = random.uniform(0.7, 1);
    cv::line(lights, from, from + along, cv::Scalar(strength, strength * std::sqrt(warmth), strength * warmth),
             1 + static_cast<int>(random.integer(2)), cv::LINE_AA);
  }
  cv::GaussianBlur(lights, lights, cv::Size(), random.uniform(0.4, 1.2));
  std::array<uchar, 256> curve;
  for (std::size_t i = 0; i < curve.size(); ++i)
    curve[i] = cv::saturate_cast<uchar>(255 * std::pow(static_cast<double>(i) / 255, gamma));
  cv::Mat out = rgba.clone();
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      auto& pixel = out.at<cv::Vec4b>(y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = cv::saturate_cast<uchar>(curve[pixel[c]] + lights.at<cv::Vec3b>(y, x)[c]);
    }
  }
  return out;
}

}  // namespace spinfill
