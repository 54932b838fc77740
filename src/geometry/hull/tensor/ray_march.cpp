// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include "geometry/hull/paths.h"
#include "geometry/hull/ray_march_rules.h"
#include "geometry/rays.h"

namespace spinfill::tensor {

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

// The rays that cross the hull's box, [B,P].
struct BoxedRays {
  Selection chosen;              // of N = V·H·W
  at::Tensor origin, direction;  // [B,P,3]
  at::Tensor near, far;          // ends of the box along the ray
  at::Tensor pixel;              // a pixel's width at distance 1 along the ray

  at::Tensor points(const at::Tensor& t) const { return origin + t.unsqueeze(-1) * direction; }
};

BoxedRays rays_through(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
                       std::int64_t height, std::int64_t width) {
  const std::int64_t B = vehicle_from_camera.size(0), V = vehicle_from_camera.size(1), HW = height * width;
  const Rays all = camera_rays(vehicle_from_camera, intrinsics, height, width, height, width);
  const BoxCrossing crossing = intersect_box(all.origin, all.direction, hull.centre, hull.half);
  const at::Tensor focal = (intrinsics.select(-1, 0) * intrinsics.select(-1, 1)).sqrt();  // [B,V]
  const at::Tensor pixel = (1 / focal).to(at::kFloat).unsqueeze(-1).expand({B, V, HW}).reshape({B, V * HW});
  BoxedRays rays;
  rays.chosen = select(crossing.hit);
  rays.origin = rays.chosen.take(all.origin);
  rays.direction = rays.chosen.take(all.direction);
  rays.near = rays.chosen.take(crossing.near);
  rays.far = rays.chosen.take(crossing.far);
  rays.pixel = rays.chosen.take(pixel);
  return rays;
}

// How far rays have come, [B,P]: distances along the ray and the hull's distance there.
struct Reached {
  at::Tensor t, d;
  at::Tensor before, before_d;  // the last place outside
  at::Tensor best, best_t;      // deepest place so far, in pixels
};

void advance(const Hull& hull, const BoxedRays& boxed, const at::Tensor& shortest, int steps, Reached& now) {
  // A ray that is inside, or at the box's far side, stays as it is: leaving it out changes no bit.
  const at::Tensor moving = (now.d < 0).logical_and_(now.t < boxed.far);
  const Selection rays = select(moving);
  const at::Tensor o = rays.take(boxed.origin), v = rays.take(boxed.direction), end = rays.take(boxed.far),
                   width_at_1 = rays.take(boxed.pixel);
  at::Tensor t = rays.take(now.t), d = rays.take(now.d), before = rays.take(now.before),
             before_d = rays.take(now.before_d);
  at::Tensor best = rays.take(now.best), best_t = rays.take(now.best_t);
  for (int i = 0; i < steps; ++i) {
    const at::Tensor outside = d < 0;
    const at::Tensor next = at::minimum(t + at::maximum(-kCaution * d, shortest), end);
    before = at::where(outside, t, before);
    before_d = at::where(outside, d, before_d);
    t = at::where(outside, next, t);
    d = hull.sample(o + t.unsqueeze(-1) * v);
    const at::Tensor depth = d / (width_at_1 * t);
    const at::Tensor better = depth > best;
    best = at::where(better, depth, best);
    best_t = at::where(better, t, best_t);
  }
  const at::Tensor state = rays.scatter(at::stack({t, d, before, before_d, best, best_t}, 2));  // [B,P,6]
  at::Tensor* values[] = {&now.t, &now.d, &now.before, &now.before_d, &now.best, &now.best_t};
  for (int i = 0; i < 6; ++i) *values[i] = at::where(moving, state.select(2, i), *values[i]);
}

// Where rays pass the surface: between the last place outside and the first inside.
at::Tensor crossing_of(const Hull& hull, const BoxedRays& rays, const Reached& now) {
  at::Tensor share = (now.before_d / (now.before_d - now.d).clamp_max(-1e-9)).clamp(0, 1);
  const at::Tensor middle = now.before + share * (now.t - now.before);
  const at::Tensor middle_d = hull.sample(rays.points(middle));
  const at::Tensor short_of = middle_d < 0;
  const at::Tensor a = at::where(short_of, middle, now.before), a_d = at::where(short_of, middle_d, now.before_d);
  const at::Tensor b = at::where(short_of, now.t, middle), b_d = at::where(short_of, now.d, middle_d);
  share = (a_d / (a_d - b_d).clamp_max(-1e-9)).clamp(0, 1);
  return a + share * (b - a);
}

// The deepest place of rays that only grazed an edge, also behind it.
at::Tensor behind_edges(const Hull& hull, const BoxedRays& boxed, const at::Tensor& hit, const at::Tensor& surface_t,
                        const at::Tensor& deepest) {
  const at::Tensor thin = hit.logical_and(deepest < 0.5), voxel = hull.voxel().unsqueeze(1);
  const Selection rays = select(thin);
  const at::Tensor o = rays.take(boxed.origin), v = rays.take(boxed.direction), far = rays.take(boxed.far),
                   pixel = rays.take(boxed.pixel);
  at::Tensor t = at::minimum(rays.take(surface_t) + kLookAhead[2] * voxel, far), best = rays.take(deepest);
  at::Tensor d = hull.sample(o + t.unsqueeze(-1) * v);
  for (int i = 0; i < most_steps(hull.distance.size(4)); ++i) {
    const at::Tensor moving = (best < 0.5).logical_and_(t < far);
    t = at::where(moving, at::minimum(t + at::maximum(kCaution * d.abs(), 0.75 * voxel), far), t);
    d = hull.sample(o + t.unsqueeze(-1) * v);
    best = at::where(moving, at::maximum(best, d / (pixel * t)), best);
  }
  return at::where(thin, rays.scatter(best.unsqueeze(2)).select(2, 0), deepest);
}

Surface surface_of(const Hull& hull, const BoxedRays& rays, const at::Tensor& coverage, const at::Tensor& depth) {
  const Selection seen = select(coverage.logical_and(rays.chosen.valid));
  Surface out;
  out.pixels.from = rays.chosen.from;
  out.pixels.valid = seen.valid;
  out.pixels.index = seen.take(rays.chosen.index).masked_fill(seen.valid.logical_not(), rays.chosen.from);
  out.coverage = seen.take(coverage);
  out.depth = seen.take(depth);
  out.direction = seen.take(rays.direction);
  out.point = seen.take(rays.origin) + out.depth.unsqueeze(-1) * out.direction;
  const at::Tensor inward = gradient(hull, out.point);
  out.normal = -inward / inward.norm(2, {-1}, true).clamp_min(1e-9);
  return out;
}

}  // namespace

Surface march(const Hull& hull, const at::Tensor& vehicle_from_camera, const at::Tensor& intrinsics,
              std::int64_t height, std::int64_t width) {
  const BoxedRays rays = rays_through(hull, vehicle_from_camera, intrinsics, height, width);
  const at::Tensor voxel = hull.voxel().unsqueeze(1);  // [B,1]
  Reached now;
  now.t = rays.near.clone();
  now.d = hull.sample(rays.points(now.t));
  now.before = now.t;
  now.before_d = now.d;
  now.best = now.d / (rays.pixel * now.t);
  now.best_t = now.t;
  for (const int steps : kSteps) advance(hull, rays, 0.75 * voxel, steps, now);
  for (int done = kMostSteps; done < most_steps(hull.distance.size(4)); done += 10)
    advance(hull, rays, 0.75 * voxel, 10, now);

  const at::Tensor hit = now.d >= 0, surface_t = crossing_of(hull, rays, now);
  // How far inside the silhouette a ray runs shows only behind its crossing.
  at::Tensor best = now.best;
  for (const double ahead : kLookAhead) {
    const at::Tensor deeper = at::minimum(surface_t + ahead * voxel, rays.far);
    best = at::where(hit, at::maximum(best, hull.sample(rays.points(deeper)) / (rays.pixel * deeper)), best);
  }
  if (looks_behind_edges(hull.distance.size(4))) best = behind_edges(hull, rays, hit, surface_t, best);
  return surface_of(hull, rays, (0.5 + best).clamp(0, 1), at::where(hit, surface_t, now.best_t));
}

}  // namespace spinfill::tensor
