// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <opencv2/core/mat.hpp>

namespace spinfill {

// The box of everything opaque enough to be seen (alpha ≥ 13/255), shares of the picture's size; the whole picture
// where it has no transparent pixel, empty (zero width) where nothing is visible.
struct VisibleBox {
  double left = 0, top = 0, right = 0, bottom = 0;
  bool has_alpha = false;
};
VisibleBox visible_box(const cv::Mat& rgba);  // 8-bit

}  // namespace spinfill
