// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_frame.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/letterbox.h"

namespace spinfill {

cv::Mat reduced(const cv::Mat& rgba, int width) {
  if (rgba.cols <= width) return rgba;
  const int height = std::max(1, static_cast<int>(std::lround(double(rgba.rows) * width / rgba.cols)));
  cv::Mat small;
  cv::resize(premultiplied(rgba), small, {width, height}, 0, 0, cv::INTER_AREA);
  return straight(small);
}

std::vector<const SpinFrame*> by_azimuth(const std::vector<SpinFrame>& frames) {
  if (frames.empty()) fail("spin page: no frames");
  std::vector<const SpinFrame*> out;
  for (const SpinFrame& frame : frames) {
    if (frame.picture.type() != CV_8UC4 || frame.picture.size() != frames[0].picture.size() || frame.picture.empty()) {
      fail("spin page: the picture at {}° is {}×{}, the first {}×{}; all must be 8-bit RGBA of one size",
           frame.azimuth_deg, frame.picture.cols, frame.picture.rows, frames[0].picture.cols, frames[0].picture.rows);
    }
    out.push_back(&frame);
  }
  std::ranges::stable_sort(out, {},
                           [](const SpinFrame* frame) { return frame->azimuth_deg - (frame->first ? 360 : 0); });
  return out;
}

}  // namespace spinfill
