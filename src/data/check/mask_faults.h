// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// What is wrong with a mask, and what to do about it.
struct MaskFault {
  std::string what, advice;
};
// `picture`: RGBA of 8 bits whose alpha is coverage. `mask`: the picture that it was taken from, or empty.
std::optional<MaskFault> mask_fault(const cv::Mat& picture, const cv::Mat& mask);

}  // namespace spinfill
