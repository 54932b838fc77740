// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace spinfill {

// Pictures and truths [N,3,H,W] in about [0,1] → [N], differentiable in the pictures.
using PerceptualDistance = std::function<at::Tensor(const at::Tensor& pictures, const at::Tensor& truths)>;

}  // namespace spinfill
