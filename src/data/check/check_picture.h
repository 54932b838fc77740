// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

struct PictureProblem {
  std::string problem, advice;
};

// What is wrong with the pictures of one set as they are masked: listed by `spinfill data check`, told by `complete`.
class PictureCheck {
 public:
  // rgba: 8 bits, its mask as alpha; `mask`: the picture that it was taken from, or empty. Mask empty or nearly, full
  // or nearly, faint, inverted, in another channel than the red one, touching the border; a picture that was there
  // before under another name.
  std::vector<PictureProblem> add(const std::string& file, const cv::Mat& rgba, const cv::Mat& mask = {});

 private:
  std::map<std::string, std::string> seen_;  // sha256 of the pixels → file
};

}  // namespace spinfill
