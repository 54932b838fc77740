// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/visible_box.h"

#include <opencv2/imgproc.hpp>

namespace spinfill {

VisibleBox visible_box(const cv::Mat& rgba) {
  constexpr int kVisible = 13;
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  double lowest = 255;
  cv::minMaxLoc(alpha, &lowest);
  const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= kVisible));
  const double w = rgba.cols, h = rgba.rows;
  return {box.x / w, box.y / h, (box.x + box.width) / w, (box.y + box.height) / h, lowest < 255};
}

}  // namespace spinfill
