// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// One view of a finished spin.
struct SpinFrame {
  double azimuth_deg = 0;  // [0, 360), counter-clockwise seen from above; 0 shows the front
  bool generated = false;
  bool first = false;  // goes before all others: a front that was taken from just before 360°
  std::string file;    // the encoded picture's bytes, PNG, JPEG or WebP; embedded as they are
  cv::Mat picture;     // the same decoded, large or small (reduced()): 8-bit RGBA; all of one size
  // PNG of the same size that shows where the pixels are from, and what to say of it; empty: not known.
  std::string evidence, evidence_text;
};

// 8-bit straight RGBA, at most `width` px wide, by area average of premultiplied colour.
cv::Mat reduced(const cv::Mat& rgba, int width);

// In the order of their azimuths, one that goes first before them. Errors (exit 3): no frames, unequal sizes, a picture
// of another kind.
std::vector<const SpinFrame*> by_azimuth(const std::vector<SpinFrame>& frames);

}  // namespace spinfill
