// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// Which of several pictures are the first of their kind, and for each picture the place among these of its own kind:
// equal pictures (a mirror view that is also the mirror-or-prior, samples of a model that draws nothing) are scored
// once.
struct Distinct {
  std::vector<std::size_t> firsts, kinds;
};
template <class Equal>
Distinct distinct(std::size_t count, const Equal& equal) {
  Distinct out;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t kind = 0;
    while (kind < out.firsts.size() && !equal(out.firsts[kind], i)) ++kind;
    if (kind == out.firsts.size()) out.firsts.push_back(i);
    out.kinds.push_back(kind);
  }
  return out;
}

// The same of pictures, with the firsts themselves: [M,3,H,W], or of any size.
Distinct distinct_pictures(const at::Tensor& all, at::Tensor& firsts);
Distinct distinct_pictures(const std::vector<cv::Mat>& all, std::vector<cv::Mat>& firsts);

// The scores of all from those of the firsts.
template <class Score>
std::vector<Score> of_all(const Distinct& distinct, const std::vector<Score>& of_firsts) {
  std::vector<Score> all;
  for (const std::size_t kind : distinct.kinds) all.push_back(of_firsts[kind]);
  return all;
}

}  // namespace spinfill
