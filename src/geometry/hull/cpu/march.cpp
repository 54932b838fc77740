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

constexpr int kBlock = 16;  // rays at a time; short loops of a fixed count are what the compiler vectorises
using Block = float[kBlock];

// Neighbouring rays of a row and where they cross a box.
struct RayBlock {
  Block d[3], near, far;

  // Rays through picture coordinates (u + i, v).
  RayBlock(const Pinhole& from, double u, double v, const float* centre, const float* half) {
    const float eye[3] = {from.eye.x, from.eye.y, from.eye.z};
    Block x, length;
    const auto x0 = static_cast<float>((u - from.cx) * from.per_fx), dx = static_cast<float>(from.per_fx);
    for (int i = 0; i < kBlock; ++i) x[i] = x0 + static_cast<float>(i) * dx;
    for (float& sum : length) sum = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const auto right = static_cast<float>(from.right[axis]);
      const auto rest = static_cast<float>(from.up[axis] * ((from.cy - v) * from.per_fy) - from.backward[axis]);
      for (int i = 0; i < kBlock; ++i) d[axis][i] = right * x[i] + rest;
      for (int i = 0; i < kBlock; ++i) length[i] += d[axis][i] * d[axis][i];
    }
    for (float& value : length) value = std::sqrt(value);
    for (float& value : far) value = std::isfinite(length[0]) ? INFINITY : 0.0F;  // a broken camera sees nothing
    for (float& value : near) value = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const float low = centre[axis] - eye[axis] - half[axis], high = centre[axis] - eye[axis] + half[axis];
      Block a, b, inverse;
      for (int i = 0; i < kBlock; ++i) d[axis][i] /= length[i];
      for (int i = 0; i < kBlock; ++i) inverse[i] = d[axis][i] > 0 ? d[axis][i] : -d[axis][i];
      for (int i = 0; i < kBlock; ++i) inverse[i] = inverse[i] < 1e-9F ? 1e-9F : d[axis][i];
      for (int i = 0; i < kBlock; ++i) inverse[i] = 1 / inverse[i];
      for (int i = 0; i < kBlock; ++i) a[i] = low * inverse[i];
      for (int i = 0; i < kBlock; ++i) b[i] = high * inverse[i];
      Block first, last;
      for (int i = 0; i < kBlock; ++i) first[i] = a[i] < b[i] ? a[i] : b[i];
      for (int i = 0; i < kBlock; ++i) last[i] = a[i] < b[i] ? b[i] : a[i];
      for (int i = 0; i < kBlock; ++i) near[i] = first[i] > near[i] ? first[i] : near[i];
      for (int i = 0; i < kBlock; ++i) far[i] = last[i] < far[i] ? last[i] : far[i];
    }
    if (!std::isfinite(eye[0] + eye[1] + eye[2]))
      for (float& value : far) value = 0;
  }

  bool hit(int i) const { return far[i] > near[i]; }
  Point direction(int i) const { return {d[0][i], d[1][i], d[2][i]}; }
  Span span(int i) const { return {near[i], far[i]}; }
};

// What one ray sees: its coverage and the distance of its surface point.
struct Sight {
  float coverage, depth;
};

// Sphere tracing from near to far, the same steps as the tensor path's. `pixel` is a pixel's width at distance 1.
Sight trace(const Volume& volume, const Point& origin, const Point& direction, const Span& span, float pixel) {
  const auto caution = static_cast<float>(kCaution);
  const float shortest = 0.75F * volume.voxel;
  const Point start = volume.coordinates(origin);
  const Point pace{direction.x * volume.scale.x, direction.y * volume.scale.y, direction.z * volume.scale.z};
  const auto sample = [&](float t) { return volume.at(along(start, t, pace)); };

  float t = span.near, d = sample(t), before = t, before_d = d;
  float best = d / (pixel * t), best_t = t;  // deepest place so far, in pixels
  for (int i = 0; i < kMostSteps && d < 0 && t < span.far; ++i) {
    before = t;
    before_d = d;
    t = std::min(t + std::max(-caution * d, shortest), span.far);
    d = sample(t);
    const float depth = d / (pixel * t);
    if (depth > best) best = depth, best_t = t;
  }
  if (!(d >= 0)) return {clamped(0.5F + best, 1), best_t};

  // The crossing lies between the last place outside and the first inside.
  const auto crossing = [](float a, float a_d, float b, float b_d) {
    return a + clamped(a_d / std::min(a_d - b_d, -1e-9F), 1) * (b - a);
  };
  const float middle = crossing(before, before_d, t, d), middle_d = sample(middle);
  const float surface = middle_d < 0 ? crossing(middle, middle_d, t, d) : crossing(before, before_d, middle, middle_d);
  for (const double ahead : kLookAhead) {
    const float deeper = std::min(surface + static_cast<float>(ahead) * volume.voxel, span.far);
    best = std::max(best, sample(deeper) / (pixel * deeper));
  }
  return {clamped(0.5F + best, 1), surface};
}

// The distance, cut off far from the surface where it jumps between cones, averaged over 3×3×3 voxels.
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

// Outward unit normal: against the gradient of the smoothed distance, central differences between voxels.
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

void store(float* to, const Point& p) {
  to[0] = p.x, to[1] = p.y, to[2] = p.z;
}

}  // namespace

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t H,
              std::int64_t W) {
  const std::int64_t B = vehicle_from_camera.size(0), V = vehicle_from_camera.size(1), N = V * H * W;
  const at::Tensor poses = vehicle_from_camera.to(at::kDouble).contiguous(),
                   lenses = intrinsics.to(at::kDouble).contiguous(), distance = hull.distance.contiguous(),
                   centres = hull.centre.contiguous(), halves = hull.half.contiguous();
  const std::int64_t Z = distance.size(2), Y = distance.size(3), X = distance.size(4);
  const float *values = distance.const_data_ptr<float>(), *centre = centres.const_data_ptr<float>(),
              *half = halves.const_data_ptr<float>();
  const auto camera = [&](std::int64_t view) {  // of B·V
    return Pinhole(poses.const_data_ptr<double>() + 16 * view, lenses.const_data_ptr<double>() + 4 * view);
  };
  const auto volume = [&](const float* at, std::int64_t b) {
    return Volume(at + b * Z * Y * X, centre + 3 * b, half + 3 * b, X, Y, Z);
  };
  const auto direction = [&](const Pinhole& from, std::int64_t x, std::int64_t y) {
    return from.direction(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
  };

  // Every ray; the places of those that see nothing but for their coverage stay unwritten.
  const auto floats = distance.options();
  const at::Tensor coverage = at::empty({B, N}, floats), depth = at::empty({B, N}, floats);
  float *covered = coverage.mutable_data_ptr<float>(), *far = depth.mutable_data_ptr<float>();
  std::vector<std::int64_t> seen_in_row(B * V * H, 0);
  at::parallel_for(0, B * V * H, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t view = row / H, b = view / V;
      const Pinhole from = camera(view);
      const Volume body = volume(values, b);
      const auto pixel = static_cast<float>(1 / std::sqrt(from.fx * from.fy));
      for (std::int64_t x = 0; x < W; x += kBlock) {
        const RayBlock rays(from, static_cast<double>(x) + 0.5, static_cast<double>(row % H) + 0.5, centre + 3 * b,
                            half + 3 * b);
        const auto count = static_cast<int>(std::min<std::int64_t>(kBlock, W - x));
        for (int i = 0; i < count; ++i) {
          const std::int64_t ray = row * W + x + i;
          const Sight sight = rays.hit(i) ? trace(body, from.eye, rays.direction(i), rays.span(i), pixel) : Sight{0, 0};
          covered[ray] = sight.coverage;
          if (sight.coverage > 0) far[ray] = sight.depth, ++seen_in_row[row];
        }
      }
    }
  });

  // The rays that see the hull, one behind the other.
  std::vector<std::int64_t> first(B * V * H);  // place of each row's first
  std::int64_t P = 0;
  for (std::int64_t b = 0; b < B; ++b) {
    std::int64_t place = 0;
    for (std::int64_t row = b * V * H; row < (b + 1) * V * H; ++row) {
      first[row] = place;
      place += seen_in_row[row];
    }
    P = std::max(P, place);
  }
  Surface out;
  out.pixels.from = N;
  out.pixels.index = at::full({B, P}, N, floats.dtype(at::kLong));
  out.pixels.valid = at::zeros({B, P}, floats.dtype(at::kBool));
  out.coverage = at::zeros({B, P}, floats);
  out.depth = at::zeros({B, P}, floats);
  out.point = at::zeros({B, P, 3}, floats);
  out.normal = at::zeros({B, P, 3}, floats);
  out.direction = at::zeros({B, P, 3}, floats);
  auto* index = out.pixels.index.mutable_data_ptr<std::int64_t>();
  bool* valid = out.pixels.valid.mutable_data_ptr<bool>();
  float *out_coverage = out.coverage.mutable_data_ptr<float>(), *out_depth = out.depth.mutable_data_ptr<float>(),
        *point = out.point.mutable_data_ptr<float>(), *normals = out.normal.mutable_data_ptr<float>(),
        *directions = out.direction.mutable_data_ptr<float>();
  std::vector<std::vector<float>> smooth(B);
  at::parallel_for(0, B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) smooth[b] = smoothed(volume(values, b));
  });
  at::parallel_for(0, B * V * H, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t view = row / H, b = view / V;
      const Pinhole from = camera(view);
      const Volume body(smooth[b].data(), centre + 3 * b, half + 3 * b, X, Y, Z);
      std::int64_t place = b * P + first[row];
      for (std::int64_t x = 0; x < W; ++x) {
        const std::int64_t ray = row * W + x;
        if (!(covered[ray] > 0)) continue;
        const Point d = direction(from, x, row % H), p = along(from.eye, far[ray], d);
        index[place] = ray - b * N;
        valid[place] = true;
        out_coverage[place] = covered[ray];
        out_depth[place] = far[ray];
        store(point + 3 * place, p);
        store(normals + 3 * place, normal(body, p));
        store(directions + 3 * place, d);
        ++place;
      }
    }
  });
  return out;
}

}  // namespace spinfill::cpu
