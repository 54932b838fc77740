// SPDX-License-Identifier: Apache-2.0
#include "metrics/per_picture.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "metrics/image_metrics.h"

namespace spinfill {

namespace {

std::string shape_text(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ","));
}

}  // namespace

void check_pair(const at::Tensor& pictures, const at::Tensor& truths) {
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.sizes() != truths.sizes() || pictures.numel() == 0) {
    fail("pictures to score must both be [N,3,H,W] and of one size, got {} and {}", shape_text(pictures),
         shape_text(truths));
  }
}

void check_weights(const at::Tensor& pictures, const at::Tensor& weights) {
  if (weights.dim() != 4 || weights.size(0) != pictures.size(0) || weights.size(1) != 1 ||
      weights.size(2) != pictures.size(2) || weights.size(3) != pictures.size(3)) {
    fail("foreground weights must be [N,1,H,W] like the pictures {}, got {}", shape_text(pictures),
         shape_text(weights));
  }
}

at::Tensor exact(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kDouble).contiguous();
}

at::Tensor luma(const at::Tensor& rgb) {
  const auto channel = [&](int c) { return rgb.narrow(1, c, 1); };
  return (0.299 * channel(0) + 0.587 * channel(1) + 0.114 * channel(2)).contiguous();
}

at::Tensor empty_scores(std::int64_t pictures) {
  return at::empty({pictures}, at::kDouble);
}

double psnr_of_mse(double mse) {
  const double db = -10 * std::log10(mse);
  return db > kPsnrCap ? kPsnrCap : db;  // log10(0) = −∞; NaN passes
}

}  // namespace spinfill
