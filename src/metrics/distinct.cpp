// SPDX-License-Identifier: Apache-2.0
#include "metrics/distinct.h"

#include <ATen/ATen.h>

#include <opencv2/core.hpp>

namespace spinfill {

Distinct distinct_pictures(const at::Tensor& all, at::Tensor& firsts) {
  const auto picture = [&](std::size_t i) { return all[static_cast<std::int64_t>(i)]; };
  Distinct kinds = distinct(static_cast<std::size_t>(all.size(0)),
                            [&](std::size_t i, std::size_t j) { return at::equal(picture(i), picture(j)); });
  std::vector<at::Tensor> each;
  for (const std::size_t i : kinds.firsts) each.push_back(picture(i));
  firsts = at::stack(each);
  return kinds;
}

Distinct distinct_pictures(const std::vector<cv::Mat>& all, std::vector<cv::Mat>& firsts) {
  Distinct kinds = distinct(all.size(), [&](std::size_t i, std::size_t j) {
    return all[i].size() == all[j].size() && all[i].type() == all[j].type() &&
           cv::norm(all[i], all[j], cv::NORM_INF) == 0;
  });
  for (const std::size_t i : kinds.firsts) firsts.push_back(all[i]);
  return kinds;
}

}  // namespace spinfill
