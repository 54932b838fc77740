// SPDX-License-Identifier: Apache-2.0
#include "data/photo/lettering.h"

#include <ATen/ATen.h>

#include <algorithm>

#include <opencv2/imgproc.hpp>

namespace spinfill {
namespace {

constexpr double kScale = 960;               // px for the longer side of the vehicle's box
constexpr float kEdge = 9;                   // CIELAB units a pixel
constexpr int kWindowX = 61, kWindowY = 25;  // px
constexpr float kAlong = 2.5F;               // what edges along count for beside those across
constexpr float kSome = 0.08F, kMuch = 0.16F;
constexpr int kRim = 9;  // px at the outline that do not count

// Lengths are shares of the vehicle's length.
constexpr double kSideways = 0.8;  // of the normal
constexpr double kSill = 0.06, kBelt = 0.62;
constexpr double kAxle = 0.30, kWheelReach = 0.13, kWheelTop = 0.19;  // axles lie so far from the middle
constexpr double kEnds = 0.44;                                        // lamps lie beyond

cv::Mat edges(const cv::Mat& lab, int dx, int dy) {
  cv::Mat slopes, planes[3], sum;
  cv::Sobel(lab, slopes, CV_32F, dx, dy, 3, 1.0 / 8);
  cv::split(slopes.mul(slopes), planes);
  cv::sqrt(planes[0] + planes[1] + planes[2], sum);
  return sum;
}

cv::Mat share_of(const cv::Mat& where) {
  cv::Mat share;
  cv::boxFilter(where, share, CV_32F, {kWindowX, kWindowY});
  return share / 255;
}

}  // namespace

cv::Mat lettering_of(const cv::Mat& rgba) {
  cv::Mat out = cv::Mat::zeros(rgba.size(), CV_32F), alpha;
  cv::extractChannel(rgba, alpha, 3);
  const cv::Rect box = cv::boundingRect(alpha >= 128);
  if (box.empty()) return out;
  const double scale = kScale / std::max(box.width, box.height);
  const auto scaled = [&](int length) { return std::max(1, static_cast<int>(std::lround(scale * length))); };
  const cv::Size size(scaled(box.width), scaled(box.height));
  cv::Mat picture, rgb, lab, covered;
  cv::resize(rgba(box), picture, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  cv::cvtColor(picture, rgb, cv::COLOR_RGBA2RGB);
  rgb.convertTo(rgb, CV_32F, 1 / 255.0);
  cv::cvtColor(rgb, lab, cv::COLOR_RGB2Lab);
  cv::extractChannel(picture, covered, 3);
  cv::erode(covered > 200, covered, cv::Mat::ones(kRim, kRim, CV_8U), {-1, -1}, 1, cv::BORDER_CONSTANT, 0);
  const cv::Mat across = edges(lab, 1, 0), along = edges(lab, 0, 1);
  const cv::Mat strokes = cv::min(share_of((across > kEdge) & (across > along) & covered),
                                  kAlong * share_of((along > kEdge) & (along >= across) & covered));
  cv::Mat certain = cv::max(cv::min((strokes - kSome) / (kMuch - kSome), 1), 0);
  cv::resize(certain, certain, box.size(), 0, 0, scale < 1 ? cv::INTER_LINEAR : cv::INTER_AREA);
  certain.copyTo(out(box));
  return out;
}

at::Tensor flank_panels(const Surface& surface, const Hull& hull) {
  const at::Tensor x = (surface.point.select(2, 0) - hull.centre.select(1, 0)).abs();
  const at::Tensor low = (hull.centre - hull.half).select(1, 2), height = 2 * hull.half.select(1, 2);
  const at::Tensor z = surface.point.select(2, 2) - low;
  const at::Tensor by_wheel = ((x - kAxle).abs() < kWheelReach).logical_and(z < kWheelTop);
  return (surface.normal.select(2, 1).abs() > kSideways)
      .logical_and(z > kSill)
      .logical_and(z < kBelt * height)
      .logical_and(x < kEnds)
      .logical_and(by_wheel.logical_not())
      .to(at::kFloat);
}

}  // namespace spinfill
