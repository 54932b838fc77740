// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace spinfill {

// Angles between normals and the true ones, degrees, over the pixels whose alpha and true normal are both of at least
// one half; 90 where no normal is given (shorter than 0.001). NaN where there is no such pixel.
struct NormalError {
  double mean = 0, median = 0;  // median: of an even number the mean of the middle two
};
// normals, truth [3,H,W] of any length in one frame, alpha [1,H,W].
NormalError normal_error(const at::Tensor& normals, const at::Tensor& truth, const at::Tensor& alpha);

}  // namespace spinfill
