// SPDX-License-Identifier: Apache-2.0
#include "data/photo/point_cloud.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace spinfill {

static_assert(std::endian::native == std::endian::little);

void PointCloud::add(const at::Tensor& point, const at::Tensor& normal, const at::Tensor& colour) {
  const at::Tensor rows = at::cat({point, normal, colour}, 1).to(at::kFloat).contiguous();  // [M,9]
  const auto* values = rows.const_data_ptr<float>();
  for (std::int64_t m = 0; m < rows.size(0); ++m, values += 9) {
    std::array<std::int64_t, 3> at{};
    for (std::size_t i = 0; i < 3; ++i) at[i] = std::llround(std::floor(values[i] / cell_));
    Sums& sums = cells_[at];
    for (std::size_t i = 0; i < 9; ++i) sums.of[i] += values[i];
    ++sums.count;
  }
}

std::string PointCloud::ply() const {
  std::string out = fmt::format(
      "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
      "property float nx\nproperty float ny\nproperty float nz\nproperty uchar red\nproperty uchar green\n"
      "property uchar blue\nend_header\n",
      cells_.size());
  const auto put = [&](float value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  for (const auto& [at, sums] : cells_) {
    const auto mean = [&](std::size_t i) { return sums.of[i] / static_cast<double>(sums.count); };
    for (std::size_t i = 0; i < 3; ++i) put(static_cast<float>(mean(i)));
    const double length = std::max(std::hypot(mean(3), mean(4), mean(5)), 1e-9);
    for (std::size_t i = 3; i < 6; ++i) put(static_cast<float>(mean(i) / length));
    for (std::size_t i = 6; i < 9; ++i)
      out.push_back(static_cast<char>(std::lround(255 * std::clamp(mean(i), 0.0, 1.0))));
  }
  return out;
}

}  // namespace spinfill
