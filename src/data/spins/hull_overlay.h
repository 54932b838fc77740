// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Where the visual hull of a spin's views differs from their masks, drawn on the photographs.

struct OverlayCell {
  cv::Mat picture;     // 8-bit RGBA
  cv::Mat hull, mask;  // coverage, CV_32F, of one size and of the picture's shape
  std::string caption;
};
struct OverlayRow {
  std::string title;
  std::vector<OverlayCell> cells;
};

// 8-bit RGB.
inline const cv::Scalar kHullOnly(0, 114, 178), kMaskOnly(213, 60, 0), kHullOutline(255, 214, 10);

// A row of cells, cell_width px wide, per entry: the photograph on grey, tinted where hull and mask differ, with the
// hull's outline, all cut to the part that any silhouette covers; captions below, titles and a legend above. 8-bit RGB.
// ASCII text only.
cv::Mat hull_overlay(const std::vector<OverlayRow>& rows, int cell_width = 320);

}  // namespace spinfill
