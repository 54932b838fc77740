// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "geometry/hull/visual_hull.h"

namespace spinfill::cpu {

// Into [0, high]; NaN becomes 0, so that the cast to an index which follows is always defined.
inline float clamped(float v, float high) {
  v = v > 0 ? v : 0;
  return v < high ? v : high;
}

// Rays or voxels that a loop takes at a time: short loops of a fixed count are what the compiler vectorises.
inline constexpr int kBlock = 16;
using Block = float[kBlock];

struct Point {
  float x, y, z;
};

// One set's voxel grid. Lookups are trilinear between voxel centres, and beyond the border its voxels continue.
struct Volume {
  const float* values;  // [Z,Y,X], each at least 2
  std::int64_t X, Y, Z;
  Point scale, shift;  // voxel coordinates of a point p: p·scale + shift
  Point last;          // just below the last voxel centre, so that a cell's upper corner exists
  float voxel;         // mean voxel size, vehicle lengths

  Volume(const float* values_, const float* centre, const float* half, std::int64_t X_, std::int64_t Y_,
         std::int64_t Z_)
      : values(values_), X(X_), Y(Y_), Z(Z_) {
    const auto n = [](std::int64_t count) { return static_cast<float>(count); };
    scale = {n(X) / (2 * half[0]), n(Y) / (2 * half[1]), n(Z) / (2 * half[2])};
    shift = {(n(X) - 1) / 2 - centre[0] * scale.x, (n(Y) - 1) / 2 - centre[1] * scale.y,
             (n(Z) - 1) / 2 - centre[2] * scale.z};
    const auto below = [&](std::int64_t count) { return std::nextafter(n(count) - 1, 0.0F); };
    last = {below(X), below(Y), below(Z)};
    voxel = (1 / scale.x + 1 / scale.y + 1 / scale.z) / 3;
  }

  Point coordinates(const Point& p) const {
    return {p.x * scale.x + shift.x, p.y * scale.y + shift.y, p.z * scale.z + shift.z};
  }

  // The cell around voxel coordinates: its lowest corner and the shares of the upper ones.
  struct Cell {
    std::int64_t x, y, z;
    float fx, fy, fz;
  };
  Cell cell(const Point& c) const {
    const float x = clamped(c.x, last.x), y = clamped(c.y, last.y), z = clamped(c.z, last.z);
    const int ix = static_cast<int>(x), iy = static_cast<int>(y), iz = static_cast<int>(z);
    return {ix, iy, iz, x - static_cast<float>(ix), y - static_cast<float>(iy), z - static_cast<float>(iz)};
  }

  // The value at voxel coordinates.
  float at(const Point& c) const {
    const Cell k = cell(c);
    const float* v = values + (k.z * Y + k.y) * X + k.x;
    const auto row = [&](const float* p) { return p[0] + k.fx * (p[1] - p[0]); };
    const auto plane = [&](const float* p) {
      const float low = row(p);
      return low + k.fy * (row(p + X) - low);
    };
    const float low = plane(v);
    return low + k.fz * (plane(v + Y * X) - low);
  }
};

// Cameras as the kernels read them: a ray's direction is x·right + y·up − backward, of unit length.
struct Pinhole {
  double right[3], up[3], backward[3];
  Point eye;
  double fx, fy, cx, cy;
  double per_fx, per_fy;

  // pose [4,4] row by row, intrinsics [4].
  Pinhole(const double* pose, const double* k)
      : fx(k[0]), fy(k[1]), cx(k[2]), cy(k[3]), per_fx(1 / k[0]), per_fy(1 / k[1]) {
    for (int i = 0; i < 3; ++i) right[i] = pose[4 * i], up[i] = pose[4 * i + 1], backward[i] = pose[4 * i + 2];
    eye = {static_cast<float>(pose[3]), static_cast<float>(pose[7]), static_cast<float>(pose[11])};
  }

  // Through picture coordinates u, v.
  Point direction(double u, double v) const {
    const double x = (u - cx) * per_fx, y = (cy - v) * per_fy;
    float d[3];
    for (int i = 0; i < 3; ++i) d[i] = static_cast<float>(right[i] * x + up[i] * y - backward[i]);
    const float scale = 1 / std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    return {d[0] * scale, d[1] * scale, d[2] * scale};
  }
};

inline Point along(const Point& origin, float t, const Point& direction) {
  return {origin.x + t * direction.x, origin.y + t * direction.y, origin.z + t * direction.z};
}

// Where a ray crosses a box: [near, far], empty if far ≤ near.
struct Span {
  float near, far;
  bool hit() const { return far > near; }
};
inline Span intersect_box(const Point& origin, const Point& direction, const float* centre, const float* half) {
  const float o[3] = {origin.x, origin.y, origin.z}, d[3] = {direction.x, direction.y, direction.z};
  Span span{0, INFINITY};
  for (int i = 0; i < 3; ++i) {
    const float inverse = 1 / (std::abs(d[i]) < 1e-9F ? 1e-9F : d[i]);
    const float a = (centre[i] - o[i] - half[i]) * inverse, b = (centre[i] - o[i] + half[i]) * inverse;
    if (std::isnan(a + b)) return {0, 0};
    span.near = std::max(span.near, std::min(a, b));
    span.far = std::min(span.far, std::max(a, b));
  }
  return span;
}

}  // namespace spinfill::cpu
