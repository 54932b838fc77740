// SPDX-License-Identifier: Apache-2.0
#include "data/identity/vehicle_crop.h"

#include <ATen/ATen.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr double kMargin = 0.04;  // of the box, on each side

}  // namespace

cv::Rect embedded_box(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  const cv::Rect box = cv::boundingRect(alpha >= 128);
  if (box.empty()) return box;
  const int across = static_cast<int>(std::lround(kMargin * box.width)),
            down = static_cast<int>(std::lround(kMargin * box.height));
  return cv::Rect(box.x - across, box.y - down, box.width + 2 * across, box.height + 2 * down) &
         cv::Rect(0, 0, rgba.cols, rgba.rows);
}

at::Tensor on_white(const cv::Mat& rgba, const cv::Rect& box) {
  return on_white(premultiplied(rgba(box)));
}

at::Tensor on_white(const cv::Mat& premultiplied) {
  const at::Tensor rgba = at::from_blob(premultiplied.data, {premultiplied.rows, premultiplied.cols, 4}, at::kFloat)
                              .permute({2, 0, 1})
                              .contiguous();
  const at::Tensor colour = rgba.narrow(0, 0, 3) + (1 - rgba.narrow(0, 3, 1));
  return colour.clamp(0, 1).mul(255).round_().div_(255);
}

}  // namespace spinfill
