// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "core/stopwatch.h"
#include "train/ranks/ranks.h"

namespace c10d {
class Reducer;
}

namespace spinfill {

// Means of the gradients over all ranks, made in buckets while backward still runs (c10d::Reducer).
class GradientReducer {
 public:
  // Every parameter must take part in every backward pass that reduces.
  GradientReducer(Ranks& ranks, std::vector<at::Tensor> parameters);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  // Backward of a loss; with `reduce` the gradients, including those added before, become the means.
  void backward(const at::Tensor& loss, bool reduce);

 private:
  Ranks& ranks_;
  std::vector<at::Tensor> parameters_;
  std::vector<unsigned> hooks_;  // of parameters_
  Stopwatch since_last_gradient_;
  std::unique_ptr<c10d::Reducer> reducer_;
};

}  // namespace spinfill
