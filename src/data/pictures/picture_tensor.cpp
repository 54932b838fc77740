// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/picture_tensor.h"

#include <ATen/ATen.h>

namespace spinfill {

at::Tensor picture_tensor(const std::vector<cv::Mat>& pictures) {
  const auto count = static_cast<std::int64_t>(pictures.size());
  at::Tensor out = at::empty({count, 3, pictures.front().rows, pictures.front().cols}, at::kFloat);
  auto values = out.accessor<float, 4>();
  for (std::int64_t n = 0; n < count; ++n) {
    const cv::Mat& picture = pictures[static_cast<std::size_t>(n)];
    for (int y = 0; y < picture.rows; ++y) {
      for (int x = 0; x < picture.cols; ++x) {
        const auto& pixel = picture.at<cv::Vec3b>(y, x);
        for (int c = 0; c < 3; ++c) values[n][c][y][x] = pixel[c] / 255.F;
      }
    }
  }
  return out;
}

}  // namespace spinfill
