// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <numbers>
#include <vector>

#include "geometry/hull/cpu/volume.h"
#include "geometry/hull/paths.h"

namespace spinfill::cpu {

namespace {

// d[x] = min(d[x], from[x] + cost). The count is fixed in blocks so that the loop is vectorised.
void relax(float* d, const float* from, float cost, std::int64_t count) {
  constexpr std::int64_t kBlock = 8;
  std::int64_t x = 0;
  for (; x + kBlock <= count; x += kBlock) {
    float step[kBlock];
    for (int i = 0; i < kBlock; ++i) step[i] = from[x + i] + cost;
    for (int i = 0; i < kBlock; ++i) step[i] = step[i] < d[x + i] ? step[i] : d[x + i];
    for (int i = 0; i < kBlock; ++i) d[x + i] = step[i];
  }
  for (; x < count; ++x) d[x] = std::min(d[x], from[x] + cost);
}

// Shortest octagonal paths: along each axis, forwards and backwards. d [H,W].
void spread(float* d, std::int64_t H, std::int64_t W) {
  constexpr float kDiagonal = std::numbers::sqrt2_v<float>;
  for (std::int64_t y = 0; y < H; ++y) {
    float* row = d + y * W;
    for (std::int64_t x = 1; x < W; ++x) row[x] = std::min(row[x], row[x - 1] + 1);
    for (std::int64_t x = W - 2; x >= 0; --x) row[x] = std::min(row[x], row[x + 1] + 1);
  }
  for (std::int64_t y = 1; y < H; ++y) relax(d + y * W, d + (y - 1) * W, 1, W);
  for (std::int64_t y = H - 2; y >= 0; --y) relax(d + y * W, d + (y + 1) * W, 1, W);
  for (std::int64_t y = 1; y < H; ++y) relax(d + y * W + 1, d + (y - 1) * W, kDiagonal, W - 1);
  for (std::int64_t y = H - 2; y >= 0; --y) relax(d + y * W, d + (y + 1) * W + 1, kDiagonal, W - 1);
  for (std::int64_t y = 1; y < H; ++y) relax(d + y * W, d + (y - 1) * W + 1, kDiagonal, W - 1);
  for (std::int64_t y = H - 2; y >= 0; --y) relax(d + y * W + 1, d + (y + 1) * W, kDiagonal, W - 1);
}

}  // namespace

at::Tensor silhouette_distance(const at::Tensor& alpha) {
  constexpr float kBeyond = 1e3F, kReach = 31;
  const at::Tensor coverage = alpha.contiguous();
  at::Tensor out = at::empty_like(coverage);
  const std::int64_t H = alpha.size(-2), W = alpha.size(-1), HW = H * W, N = HW == 0 ? 0 : alpha.numel() / HW;
  const float* from = coverage.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, N, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> outside(HW), inside(HW);
    for (std::int64_t n = begin; n < end; ++n) {
      const float* a = from + n * HW;
      float* d = to + n * HW;
      for (std::int64_t i = 0; i < HW; ++i) {
        outside[i] = a[i] > 0.02F ? 0.5F - a[i] : kBeyond;
        inside[i] = a[i] < 0.98F ? a[i] - 0.5F : kBeyond;
      }
      spread(outside.data(), H, W);
      spread(inside.data(), H, W);
      for (std::int64_t i = 0; i < HW; ++i)
        d[i] = a[i] >= 0.5F ? clamped(inside[i], kReach) : -clamped(outside[i], kReach);
    }
  });
  return out;
}

}  // namespace spinfill::cpu
