// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// 8-bit RGB of one size → [N,3,H,W] in [0,1].
at::Tensor picture_tensor(const std::vector<cv::Mat>& pictures);

}  // namespace spinfill
