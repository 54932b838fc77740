// SPDX-License-Identifier: Apache-2.0
#include "pages/example_spin.h"

#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace spinfill::test {

cv::Scalar spin_colour(int view) {
  return cv::Scalar(40 + 25 * view, 220 - 25 * view, view % 2 != 0 ? 200 : 30, 255);
}

SpinFrame spin_block(int view, bool generated, cv::Size size) {
  SpinFrame frame;
  frame.azimuth_deg = 45.0 * view;
  frame.generated = generated;
  frame.picture = cv::Mat(size, CV_8UC4, cv::Scalar(0, 0, 0, 0));
  cv::rectangle(frame.picture, cv::Rect(size.width / 4, size.height / 4, size.width / 2, size.height / 2),
                spin_colour(view), cv::FILLED);
  cv::Mat bgra;
  cv::cvtColor(frame.picture, bgra, cv::COLOR_RGBA2BGRA);
  std::vector<unsigned char> bytes;
  cv::imencode(".png", bgra, bytes);
  frame.file.assign(bytes.begin(), bytes.end());
  return frame;
}

SpinPage example_spin(const std::string& title) {
  SpinPage out{title, {}};
  for (int view = 7; view >= 0; --view) out.frames.push_back(spin_block(view, view == 3 || view == 6));
  return out;
}

}  // namespace spinfill::test
