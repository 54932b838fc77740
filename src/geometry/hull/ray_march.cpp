// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/ray_march.h"

#include <ATen/ATen.h>

#include "geometry/hull/paths.h"
#include "geometry/rays.h"

namespace spinfill {

Rays camera_rays(const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics, std::int64_t picture_height,
                 std::int64_t picture_width, std::int64_t height, std::int64_t width) {
  const std::int64_t B = vehicle_from_camera.size(0), V = vehicle_from_camera.size(1);
  const at::Tensor d =
      ray_directions(vehicle_from_camera, intrinsics, picture_height, picture_width, height, width);  // [B,V,3,h,w]
  const at::Tensor direction = d.permute({0, 1, 3, 4, 2}).reshape({B, V * height * width, 3});
  const at::Tensor eye = vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat);  // [B,V,3]
  const at::Tensor origin = eye.unsqueeze(2).expand({B, V, height * width, 3}).reshape({B, V * height * width, 3});
  return {origin, direction};
}

Selection select(const at::Tensor& mask) {
  const std::int64_t B = mask.size(0), N = mask.size(1);
  const at::Tensor rank = mask.cumsum(1);  // 1-based place among the chosen
  const std::int64_t P = N == 0 || B == 0 ? 0 : rank.select(1, N - 1).max().item<std::int64_t>();
  // The rest all write into one place more, which is cut off.
  const at::Tensor place = at::where(mask, rank - 1, at::full({}, P, rank.options()));
  const at::Tensor here = at::arange(N, rank.options()).expand({B, N});
  Selection out;
  out.index = at::full({B, P + 1}, N, rank.options()).scatter_(1, place, here).narrow(1, 0, P).contiguous();
  out.valid = at::arange(P, rank.options()).unsqueeze(0) < mask.sum(1, true);
  out.index.masked_fill_(out.valid.logical_not(), N);
  out.from = N;
  return out;
}

at::Tensor Selection::take(const at::Tensor& values) const {
  const at::Tensor safe = index.clamp_max(from - 1);
  if (values.dim() == 2) return values.gather(1, safe);
  return values.gather(1, safe.unsqueeze(-1).expand({safe.size(0), safe.size(1), values.size(2)}));
}

at::Tensor Selection::scatter(const at::Tensor& values) const {
  const std::int64_t B = values.size(0), C = values.size(2);
  const at::Tensor place = index.unsqueeze(-1).expand({B, index.size(1), C});
  return at::zeros({B, from + 1, C}, values.options()).scatter_(1, place, values).narrow(1, 0, from);
}

at::Tensor Selection::maps(const at::Tensor& values, std::int64_t views, std::int64_t height,
                           std::int64_t width) const {
  const std::int64_t B = values.size(0), C = values.size(2);
  if (values.is_cpu()) return cpu::maps(*this, values, views, height, width);
  return scatter(values).view({B, views, height, width, C}).permute({0, 1, 4, 2, 3}).contiguous();
}

Segment intersect_box(const at::Tensor& origin, const at::Tensor& direction, const at::Tensor& centre,
                      const at::Tensor& half) {
  const at::Tensor safe = at::where(direction.abs() < 1e-9, at::full({}, 1e-9, direction.options()), direction);
  const at::Tensor from = centre.unsqueeze(1) - origin;
  const at::Tensor a = (from - half.unsqueeze(1)) / safe, b = (from + half.unsqueeze(1)) / safe;
  const at::Tensor near = at::minimum(a, b).amax(2).clamp_min(0), far = at::maximum(a, b).amin(2);
  return {near, far, far > near};
}

namespace {

// Gradient of the smoothed distance at points, pointing inwards: [B,P,3].
at::Tensor gradient(const Hull& hull, const at::Tensor& points) {
  const std::int64_t B = points.size(0), P = points.size(1);
  // Far from the surface the bound jumps between cones; only what is near counts.
  const at::Tensor reach = 4 * hull.voxel().view({B, 1, 1, 1, 1});
  at::Tensor d = at::minimum(at::maximum(hull.distance, -reach), reach);
  d = at::avg_pool3d(at::replication_pad3d(d, {1, 1, 1, 1, 1, 1}), {3, 3, 3}, {1, 1, 1});
  const at::Tensor padded = at::replication_pad3d(d, {1, 1, 1, 1, 1, 1});
  const std::int64_t Z = d.size(2), Y = d.size(3), X = d.size(4);
  const auto difference = [&](std::int64_t dim, std::int64_t n) {
    at::Tensor high = padded.narrow(dim, 2, n), low = padded.narrow(dim, 0, n);
    for (std::int64_t other = 2; other < 5; ++other) {
      if (other == dim) continue;
      high = high.narrow(other, 1, d.size(other));
      low = low.narrow(other, 1, d.size(other));
    }
    // Per unit of length: a voxel measures 2·half/n.
    return (high - low) * (n / hull.half.select(1, 4 - dim)).view({B, 1, 1, 1, 1});
  };
  const at::Tensor field = at::cat({difference(4, X), difference(3, Y), difference(2, Z)}, 1);  // [B,3,Z,Y,X]
  const at::Tensor g = (points - hull.centre.unsqueeze(1)) / hull.half.unsqueeze(1);
  return at::grid_sampler(field, g.view({B, 1, 1, P, 3}), 0, 1, false).view({B, 3, P}).transpose(1, 2);
}

}  // namespace

namespace tensor_path {

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width) {
  const std::int64_t B = vehicle_from_camera.size(0), V = vehicle_from_camera.size(1), HW = height * width;
  const Rays all = camera_rays(vehicle_from_camera, intrinsics, height, width, height, width);
  const Segment crossing = intersect_box(all.origin, all.direction, hull.centre, hull.half);
  const Selection boxed = select(crossing.hit);
  const at::Tensor origin = boxed.take(all.origin), direction = boxed.take(all.direction);  // [B,P,3]
  const at::Tensor near = boxed.take(crossing.near), far = boxed.take(crossing.far);        // [B,P]
  // A pixel's width at distance 1 along the ray.
  const at::Tensor focal = (intrinsics.select(-1, 0) * intrinsics.select(-1, 1)).sqrt();  // [B,V]
  const at::Tensor pixel = boxed.take((1 / focal).to(at::kFloat).unsqueeze(-1).expand({B, V, HW}).reshape({B, V * HW}));
  const at::Tensor voxel = hull.voxel().unsqueeze(1);  // [B,1]
  const auto sample = [&](const at::Tensor& t) { return hull.sample(origin + t.unsqueeze(-1) * direction); };

  at::Tensor t = near.clone(), d = sample(t);
  at::Tensor before = t, before_d = d;
  at::Tensor best = d / (pixel * t), best_t = t;  // deepest place so far, in pixels
  for (const int steps : kSteps) {
    // A ray that is inside, or at the box's far side, stays as it is: leaving it out changes no bit.
    const at::Tensor moving = (d < 0).logical_and_(t < far);
    const Selection rays = select(moving);
    const at::Tensor o = rays.take(origin), v = rays.take(direction), end = rays.take(far),
                     width_at_1 = rays.take(pixel);
    const at::Tensor shortest = 0.75 * voxel;
    at::Tensor at_t = rays.take(t), at_d = rays.take(d), last_t = rays.take(before), last_d = rays.take(before_d);
    at::Tensor deepest = rays.take(best), deepest_t = rays.take(best_t);
    for (int i = 0; i < steps; ++i) {
      const at::Tensor outside = at_d < 0;
      const at::Tensor next = at::minimum(at_t + at::maximum(-kCaution * at_d, shortest), end);
      last_t = at::where(outside, at_t, last_t);
      last_d = at::where(outside, at_d, last_d);
      at_t = at::where(outside, next, at_t);
      at_d = hull.sample(o + at_t.unsqueeze(-1) * v);
      const at::Tensor depth = at_d / (width_at_1 * at_t);
      const at::Tensor better = depth > deepest;
      deepest = at::where(better, depth, deepest);
      deepest_t = at::where(better, at_t, deepest_t);
    }
    const at::Tensor state = rays.scatter(at::stack({at_t, at_d, last_t, last_d, deepest, deepest_t}, 2));  // [B,P,6]
    at::Tensor* values[] = {&t, &d, &before, &before_d, &best, &best_t};
    for (int i = 0; i < 6; ++i) *values[i] = at::where(moving, state.select(2, i), *values[i]);
  }
  // The crossing lies between the last place outside and the first inside.
  const at::Tensor hit = d >= 0;
  at::Tensor share = (before_d / (before_d - d).clamp_max(-1e-9)).clamp(0, 1);
  at::Tensor middle = before + share * (t - before);
  const at::Tensor middle_d = sample(middle);
  const at::Tensor short_of = middle_d < 0;
  const at::Tensor a = at::where(short_of, middle, before), a_d = at::where(short_of, middle_d, before_d);
  const at::Tensor b = at::where(short_of, t, middle), b_d = at::where(short_of, d, middle_d);
  share = (a_d / (a_d - b_d).clamp_max(-1e-9)).clamp(0, 1);
  const at::Tensor surface_t = a + share * (b - a);
  // How far inside the silhouette a ray runs shows only behind its crossing.
  for (const double ahead : kLookAhead) {
    const at::Tensor deeper = at::minimum(surface_t + ahead * voxel, far);
    best = at::where(hit, at::maximum(best, sample(deeper) / (pixel * deeper)), best);
  }
  const at::Tensor coverage = (0.5 + best).clamp(0, 1);
  const at::Tensor depth = at::where(hit, surface_t, best_t);

  const Selection seen = select(coverage.logical_and(boxed.valid));
  Surface out;
  out.pixels.from = V * HW;
  out.pixels.valid = seen.valid;
  out.pixels.index = seen.take(boxed.index).masked_fill(seen.valid.logical_not(), V * HW);
  out.coverage = seen.take(coverage);
  out.depth = seen.take(depth);
  out.direction = seen.take(direction);
  out.point = seen.take(origin) + out.depth.unsqueeze(-1) * out.direction;
  const at::Tensor inward = gradient(hull, out.point);
  out.normal = -inward / inward.norm(2, {-1}, true).clamp_min(1e-9);
  return out;
}

}  // namespace tensor_path

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width) {
  if (hull.distance.is_cpu()) return cpu::march(hull, vehicle_from_camera, intrinsics, height, width);
  return tensor_path::march(hull, vehicle_from_camera, intrinsics, height, width);
}

}  // namespace spinfill
