// SPDX-License-Identifier: Apache-2.0
#include "data/photo/local_structure.h"

#include <opencv2/imgproc.hpp>

namespace spinfill {
namespace {

constexpr float kFlat = 0.02F;  // contrast that is noise

}  // namespace

cv::Mat blurred(const cv::Mat& map, double sigma) {
  cv::Mat out;
  cv::GaussianBlur(map, out, {0, 0}, sigma, sigma, cv::BORDER_REPLICATE);
  return out;
}

cv::Mat local_structure(const cv::Mat& grey, const cv::Mat& seen, double sigma) {
  const cv::Mat share = cv::max(blurred(seen, sigma), 1e-3);
  const cv::Mat off = grey - blurred(grey.mul(seen), sigma) / share;
  cv::Mat contrast;
  cv::sqrt(blurred(off.mul(off).mul(seen), sigma) / share, contrast);
  return cv::Mat(off / (contrast + kFlat)).mul(seen);
}

}  // namespace spinfill
