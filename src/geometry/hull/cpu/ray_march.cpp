// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "geometry/hull/cpu/normals.h"
#include "geometry/hull/cpu/volume.h"
#include "geometry/hull/paths.h"
#include "geometry/hull/ray_march_rules.h"

namespace spinfill::cpu {

namespace {

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

// How a march goes on a grid.
struct Rules {
  int most_steps;
  bool behind_edges;
  explicit Rules(std::int64_t grid) : most_steps(spinfill::most_steps(grid)), behind_edges(looks_behind_edges(grid)) {}
};

// Sphere tracing from near to far, the same steps as the tensor path's. `pixel` is a pixel's width at distance 1.
Sight trace(const Volume& volume, const Point& origin, const Point& direction, const Span& span, float pixel,
            const Rules& how) {
  const auto caution = static_cast<float>(kCaution);
  const float shortest = 0.75F * volume.voxel;
  const Point start = volume.coordinates(origin);
  const Point pace{direction.x * volume.scale.x, direction.y * volume.scale.y, direction.z * volume.scale.z};
  const auto sample = [&](float t) { return volume.at(along(start, t, pace)); };

  float t = span.near, d = sample(t), before = t, before_d = d;
  float best = d / (pixel * t), best_t = t;  // deepest place so far, in pixels
  for (int i = 0; i < how.most_steps && d < 0 && t < span.far; ++i) {
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
  if (!how.behind_edges || best >= 0.5F) return {clamped(0.5F + best, 1), surface};
  t = std::min(surface + static_cast<float>(kLookAhead[2]) * volume.voxel, span.far);
  d = sample(t);
  for (int i = 0; i < how.most_steps && best < 0.5F && t < span.far; ++i) {
    t = std::min(t + std::max(caution * std::abs(d), shortest), span.far);
    d = sample(t);
    best = std::max(best, d / (pixel * t));
  }
  return {clamped(0.5F + best, 1), surface};
}

void store(float* to, const Point& p) {
  to[0] = p.x, to[1] = p.y, to[2] = p.z;
}

// The hulls and cameras of a march as the kernels read them.
struct Views {
  std::int64_t B, V, Z, Y, X;
  at::Tensor poses, lenses, distances, centres, halves;

  Views(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics)
      : B(vehicle_from_camera.size(0)),
        V(vehicle_from_camera.size(1)),
        Z(hull.distance.size(2)),
        Y(hull.distance.size(3)),
        X(hull.distance.size(4)),
        poses(vehicle_from_camera.to(at::kDouble).contiguous()),
        lenses(intrinsics.to(at::kDouble).contiguous()),
        distances(hull.distance.contiguous()),
        centres(hull.centre.contiguous()),
        halves(hull.half.contiguous()) {}

  Pinhole camera(std::int64_t view) const {  // of B·V
    return Pinhole(poses.const_data_ptr<double>() + 16 * view, lenses.const_data_ptr<double>() + 4 * view);
  }
  const float* centre(std::int64_t b) const { return centres.const_data_ptr<float>() + 3 * b; }
  const float* half(std::int64_t b) const { return halves.const_data_ptr<float>() + 3 * b; }
  Volume volume(std::int64_t b) const { return volume(b, distances.const_data_ptr<float>() + b * Z * Y * X); }
  Volume volume(std::int64_t b, const float* values) const { return Volume(values, centre(b), half(b), X, Y, Z); }
};

// What every ray sees. The depth of those that see nothing stays unwritten.
struct Sights {
  at::Tensor coverage, depth;             // [B,V·H·W]
  std::vector<std::int64_t> seen_in_row;  // rays of each of B·V·H rows that see the hull
};

Sights look(const Views& views, std::int64_t H, std::int64_t W) {
  const std::int64_t rows = views.B * views.V * H;
  const Rules rules(views.X);
  Sights out;
  out.coverage = at::empty({views.B, views.V * H * W}, views.distances.options());
  out.depth = at::empty_like(out.coverage);
  out.seen_in_row.resize(rows);
  float *covered = out.coverage.mutable_data_ptr<float>(), *far = out.depth.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t view = row / H, b = view / views.V;
      const Pinhole from = views.camera(view);
      const Volume body = views.volume(b);
      const auto pixel = static_cast<float>(1 / std::sqrt(from.fx * from.fy));
      for (std::int64_t x = 0; x < W; x += kBlock) {
        const RayBlock rays(from, static_cast<double>(x) + 0.5, static_cast<double>(row % H) + 0.5, views.centre(b),
                            views.half(b));
        const auto count = static_cast<int>(std::min<std::int64_t>(kBlock, W - x));
        for (int i = 0; i < count; ++i) {
          const std::int64_t ray = row * W + x + i;
          const Sight sight =
              rays.hit(i) ? trace(body, from.eye, rays.direction(i), rays.span(i), pixel, rules) : Sight{0, 0};
          covered[ray] = sight.coverage;
          if (sight.coverage > 0) far[ray] = sight.depth, ++out.seen_in_row[row];
        }
      }
    }
  });
  return out;
}

// For each row, how many rays of its set see the hull in the rows before it; and the most of any set.
struct Places {
  std::vector<std::int64_t> first;
  std::int64_t most = 0;
};

Places places_of(const Sights& sights, std::int64_t sets) {
  const auto rows = std::ssize(sights.seen_in_row);
  Places out;
  out.first.resize(rows);
  for (std::int64_t b = 0; b < sets; ++b) {
    std::int64_t place = 0;
    for (std::int64_t row = b * (rows / sets); row < (b + 1) * (rows / sets); ++row) {
      out.first[row] = place;
      place += sights.seen_in_row[row];
    }
    out.most = std::max(out.most, place);
  }
  return out;
}

// Room for P of N rays per set, all of it padding.
Surface empty_surface(std::int64_t B, std::int64_t P, std::int64_t N, const at::TensorOptions& floats) {
  Surface out;
  out.pixels.from = N;
  out.pixels.index = at::full({B, P}, N, floats.dtype(at::kLong));
  out.pixels.valid = at::zeros({B, P}, floats.dtype(at::kBool));
  out.coverage = at::zeros({B, P}, floats);
  out.depth = at::zeros({B, P}, floats);
  out.point = at::zeros({B, P, 3}, floats);
  out.normal = at::zeros({B, P, 3}, floats);
  out.direction = at::zeros({B, P, 3}, floats);
  return out;
}

// The rays that see the hull, one after another.
Surface surface_of(const Views& views, const Sights& sights, std::int64_t H, std::int64_t W) {
  const std::int64_t B = views.B, N = views.V * H * W;
  const Places places = places_of(sights, B);
  const std::int64_t P = places.most;
  Surface out = empty_surface(B, P, N, views.distances.options());
  auto* index = out.pixels.index.mutable_data_ptr<std::int64_t>();
  bool* valid = out.pixels.valid.mutable_data_ptr<bool>();
  float *coverage = out.coverage.mutable_data_ptr<float>(), *depth = out.depth.mutable_data_ptr<float>(),
        *point = out.point.mutable_data_ptr<float>(), *normals = out.normal.mutable_data_ptr<float>(),
        *directions = out.direction.mutable_data_ptr<float>();
  const float *covered = sights.coverage.const_data_ptr<float>(), *far = sights.depth.const_data_ptr<float>();
  std::vector<std::vector<float>> smooth(B);
  at::parallel_for(0, B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) smooth[b] = smoothed(views.volume(b));
  });
  at::parallel_for(0, B * views.V * H, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t view = row / H, b = view / views.V;
      const Pinhole from = views.camera(view);
      const Volume body = views.volume(b, smooth[b].data());
      std::int64_t place = b * P + places.first[row];
      for (std::int64_t x = 0; x < W; ++x) {
        const std::int64_t ray = row * W + x;
        if (!(covered[ray] > 0)) continue;
        const Point d = from.direction(static_cast<double>(x) + 0.5, static_cast<double>(row % H) + 0.5);
        const Point p = along(from.eye, far[ray], d);
        index[place] = ray - b * N;
        valid[place] = true;
        coverage[place] = covered[ray];
        depth[place] = far[ray];
        store(point + 3 * place, p);
        store(normals + 3 * place, normal(body, p));
        store(directions + 3 * place, d);
        ++place;
      }
    }
  });
  return out;
}

}  // namespace

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width) {
  const Views views(hull, vehicle_from_camera, intrinsics);
  return surface_of(views, look(views, height, width), height, width);
}

}  // namespace spinfill::cpu
