// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/cpu/normals.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace spinfill::cpu {

std::vector<float> smoothed(const Volume& v) {
  const float reach = 4 * v.voxel;
  const std::int64_t X = v.X, Y = v.Y, Z = v.Z;
  constexpr std::int64_t kBlock = 8;  // a fixed count lets the compiler vectorise
  const std::int64_t width = (X + kBlock - 1) / kBlock * kBlock;
  std::vector<float> along_x(width * Y * Z), out(X * Y * Z), row(width + 2);
  for (std::int64_t i = 0; i < Y * Z; ++i) {
    const float* from = v.values + i * X;
    for (std::int64_t x = 0; x < X; ++x) row[x + 1] = std::min(std::max(from[x], -reach), reach);
    row[0] = row[1];
    row[X + 1] = row[X];
    for (std::int64_t block = 0; block < width; block += kBlock) {
      float sum[kBlock];
      const float* r = &row[block];
      for (int x = 0; x < kBlock; ++x) sum[x] = r[x] + r[x + 1] + r[x + 2];
      std::copy_n(sum, kBlock, &along_x[i * width + block]);
    }
  }
  const auto line = [&](std::int64_t z, std::int64_t y) {
    return &along_x[(std::clamp<std::int64_t>(z, 0, Z - 1) * Y + std::clamp<std::int64_t>(y, 0, Y - 1)) * width];
  };
  for (std::int64_t z = 0; z < Z; ++z)
    for (std::int64_t y = 0; y < Y; ++y)
      for (std::int64_t block = 0; block < width; block += kBlock) {
        float sum[kBlock] = {};
        for (int i = 0; i < 9; ++i) {
          const float* from = line(z + i / 3 - 1, y + i % 3 - 1) + block;
          for (int x = 0; x < kBlock; ++x) sum[x] += from[x];
        }
        for (float& value : sum) value *= 1.0F / 27;
        std::copy_n(sum, std::min(kBlock, X - block), &out[(z * Y + y) * X + block]);
      }
  return out;
}

Point normal(const Volume& smooth, const Point& p) {
  const Volume::Cell cell = smooth.cell(smooth.coordinates(p));
  const auto value = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
    return smooth.values[(z * smooth.Y + y) * smooth.X + x];
  };
  Point g{0, 0, 0};
  for (int corner = 0; corner < 8; ++corner) {
    const int i = corner & 1, j = corner >> 1 & 1, k = corner >> 2;
    const float share =
        (i == 1 ? cell.fx : 1 - cell.fx) * (j == 1 ? cell.fy : 1 - cell.fy) * (k == 1 ? cell.fz : 1 - cell.fz);
    const std::int64_t x = cell.x + i, y = cell.y + j, z = cell.z + k;
    const auto low = [](std::int64_t at) { return std::max<std::int64_t>(at - 1, 0); };
    const auto high = [](std::int64_t at, std::int64_t n) { return std::min(at + 1, n - 1); };
    g.x += share * (value(high(x, smooth.X), y, z) - value(low(x), y, z));
    g.y += share * (value(x, high(y, smooth.Y), z) - value(x, low(y), z));
    g.z += share * (value(x, y, high(z, smooth.Z)) - value(x, y, low(z)));
  }
  // scale·2 is n/half, the tensor path's unit.
  g = {2 * g.x * smooth.scale.x, 2 * g.y * smooth.scale.y, 2 * g.z * smooth.scale.z};
  const float norm = std::max(std::sqrt(g.x * g.x + g.y * g.y + g.z * g.z), 1e-9F);
  return {-g.x / norm, -g.y / norm, -g.z / norm};
}

}  // namespace spinfill::cpu
