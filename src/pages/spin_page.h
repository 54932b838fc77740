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
  std::string file;  // the encoded picture's bytes, PNG, JPEG or WebP; embedded as they are
  cv::Mat picture;   // the same decoded: 8-bit RGBA; all of one size
};

struct SpinPage {
  std::string title;              // plain text
  std::vector<SpinFrame> frames;  // shown in the order of their azimuths
};

// A turntable in one HTML file that needs nothing else, no network included: drag, touch, wheel, arrow keys, auto-spin,
// labels on generated views. `spin.html#view=135` opens at the view nearest to 135°. Errors (exit 3): no frames,
// unequal sizes, a picture of another kind.
std::string spin_page(const SpinPage& page);

// All frames in rows of four on a plain background, each with its azimuth and "given" or "generated" below it.
// cell_width in px; 8-bit RGB.
cv::Mat contact_sheet(const std::vector<SpinFrame>& frames, int cell_width = 480);

// The box of everything opaque enough to be seen (alpha ≥ 13/255), shares of the picture's size; the whole picture
// where it has no transparent pixel, empty (zero width) where nothing is visible.
struct VisibleBox {
  double left = 0, top = 0, right = 0, bottom = 0;
  bool has_alpha = false;
};
VisibleBox visible_box(const cv::Mat& rgba);

}  // namespace spinfill
