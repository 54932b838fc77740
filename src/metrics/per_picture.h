// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace spinfill {

// What scores are computed with (metrics/image_metrics.h): each picture by itself, in float64, in one order of
// additions.

// Exit 3 where pictures are not both [N,3,H,W] and of one size, or weights not [N,1,H,W] like them.
void check_pair(const at::Tensor& pictures, const at::Tensor& truths);
void check_weights(const at::Tensor& pictures, const at::Tensor& weights);

// [N,C,H,W] float64 on the CPU in one piece.
at::Tensor exact(const at::Tensor& tensor);

// [N,3,H,W] → [N,1,H,W], .299 R + .587 G + .114 B (ITU-R BT.601).
at::Tensor luma(const at::Tensor& rgb);

// Values of each picture; where N is 1 stride(0) may be anything.
inline std::int64_t values_of_each(const at::Tensor& pictures) {
  return pictures.numel() / pictures.size(0);
}
inline const double* picture_of(const at::Tensor& pictures, std::int64_t n) {
  return pictures.const_data_ptr<double>() + n * values_of_each(pictures);
}

// term(0) + … + term(count − 1) by halves, so that many terms lose no digits; always in the same order.
template <class Term>
double sum_of(std::int64_t first, std::int64_t count, const Term& term) {
  if (count > 64) {
    const std::int64_t half = count / 2;
    return sum_of(first, half, term) + sum_of(first + half, count - half, term);
  }
  double sum = 0;
  for (std::int64_t i = first; i < first + count; ++i) sum += term(i);
  return sum;
}

// One score per picture: [N] float64.
at::Tensor empty_scores(std::int64_t pictures);
template <class Score>
at::Tensor of_each(std::int64_t pictures, const Score& score) {
  at::Tensor scores = empty_scores(pictures);
  for (std::int64_t n = 0; n < pictures; ++n) scores.mutable_data_ptr<double>()[n] = score(n);
  return scores;
}

// dB, at most kPsnrCap; NaN passes.
double psnr_of_mse(double mse);

}  // namespace spinfill
