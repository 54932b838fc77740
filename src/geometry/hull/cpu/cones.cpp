// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "geometry/hull/cpu/volume.h"
#include "geometry/hull/paths.h"

namespace spinfill::cpu {

namespace {

// A picture with its projection in px: px = u/s·scale + shift for the projected (u, v, s).
struct View {
  const float* pixels;
  const float* projection;  // [3,4]
  float length;
};

// As clamped(), in two steps.
void clamp(Block& values, float high) {
  for (float& v : values) v = v > 0 ? v : 0;
  for (float& v : values) v = v < high ? v : high;
}

// The least of nearest[i] and the distance to one cone, at voxels p + i·step along x.
void carve(const View& view, std::int64_t h, std::int64_t w, const Point& p, float step, float* nearest) {
  const float* P = view.projection;
  const auto start = [&](const float* row) { return row[0] * p.x + row[1] * p.y + row[2] * p.z + row[3]; };
  const float u0 = start(P), v0 = start(P + 4), s0 = start(P + 8);
  const float du = P[0] * step, dv = P[4] * step, ds = P[8] * step;
  const float half_w = static_cast<float>(w) / 2, half_h = static_cast<float>(h) / 2, length = view.length;
  Block px, py, depth;
  for (int i = 0; i < kBlock; ++i) depth[i] = s0 + static_cast<float>(i) * ds;
  for (float& s : depth) s = s > 1e-3F ? s : 1e-3F;
  for (int i = 0; i < kBlock; ++i) {
    const float inverse = 1 / depth[i];
    px[i] = (u0 + static_cast<float>(i) * du) * inverse * half_w + (half_w - 0.5F);
    py[i] = (v0 + static_cast<float>(i) * dv) * inverse * half_h + (half_h - 0.5F);
    depth[i] *= length;
  }
  // Just below the last pixel's centre, so that the pixel beside the one found exists, if there are two.
  clamp(px, std::nextafter(static_cast<float>(w - 1), 0.0F));
  clamp(py, std::nextafter(static_cast<float>(h - 1), 0.0F));
  int x[kBlock], y[kBlock];
  for (int i = 0; i < kBlock; ++i) {
    x[i] = static_cast<int>(px[i]);
    y[i] = static_cast<int>(py[i]);
    px[i] -= static_cast<float>(x[i]);
    py[i] -= static_cast<float>(y[i]);
  }
  const std::int64_t to_right = w > 1 ? 1 : 0, to_below = h > 1 ? w : 0;
  Block a, b, c, d;  // the four pixels around
  for (int i = 0; i < kBlock; ++i) {
    const float *above = view.pixels + y[i] * w + x[i], *below = above + to_below;
    a[i] = above[0];
    b[i] = above[to_right];
    c[i] = below[0];
    d[i] = below[to_right];
  }
  for (int i = 0; i < kBlock; ++i) {
    const float top = a[i] + px[i] * (b[i] - a[i]), bottom = c[i] + px[i] * (d[i] - c[i]);
    a[i] = (top + py[i] * (bottom - top)) * depth[i];
  }
  for (int i = 0; i < kBlock; ++i) nearest[i] = a[i] < nearest[i] ? a[i] : nearest[i];
}

}  // namespace

at::Tensor cone_distance(const Cones& cones, const VoxelGrid& grid) {
  const std::int64_t B = cones.distance.size(0), R = cones.distance.size(1), h = cones.distance.size(2),
                     w = cones.distance.size(3), X = grid.X, Y = grid.Y, Z = grid.Z;
  const at::Tensor pictures = cones.distance.contiguous(), projections = cones.projections.contiguous(),
                   lengths = cones.length.contiguous(), valid = cones.valid.contiguous(),
                   centres = grid.centre.contiguous(), halves = grid.half.contiguous();
  at::Tensor out = at::empty({B, 1, Z, Y, X}, pictures.options());
  const float *pixels = pictures.const_data_ptr<float>(), *matrices = projections.const_data_ptr<float>(),
              *length = lengths.const_data_ptr<float>(), *centre = centres.const_data_ptr<float>(),
              *half = halves.const_data_ptr<float>();
  const bool* given = valid.const_data_ptr<bool>();
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, B * Z, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slab = begin; slab < end; ++slab) {
      const std::int64_t b = slab / Z, z = slab % Z;
      const auto place = [&](int axis, std::int64_t i, std::int64_t n) {
        const float unit = (static_cast<float>(i) + 0.5F) * (2.0F / static_cast<float>(n)) - 1;
        return centre[3 * b + axis] + half[3 * b + axis] * unit;
      };
      const float step = half[3 * b] * (2.0F / static_cast<float>(X));
      // One reference after the other: its picture stays in the cache.
      std::vector<float> nearest(Y * (X + kBlock), static_cast<float>(kFar));
      for (std::int64_t r = 0; r < R; ++r) {
        const std::int64_t k = b * R + r;
        if (!given[k]) continue;
        const View view{pixels + k * h * w, matrices + 12 * k, length[k]};
        for (std::int64_t y = 0; y < Y; ++y)
          for (std::int64_t x = 0; x < X; x += kBlock)
            carve(view, h, w, {place(0, x, X), place(1, y, Y), place(2, z, Z)}, step, &nearest[y * (X + kBlock) + x]);
      }
      for (std::int64_t y = 0; y < Y; ++y) std::copy_n(&nearest[y * (X + kBlock)], X, to + (slab * Y + y) * X);
    }
  });
  return out;
}

}  // namespace spinfill::cpu
