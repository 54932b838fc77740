// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/flanks.h"

#include <ATen/ATen.h>

#include "geometry/hull/plan_box.h"
#include "geometry/hull/plan_box_rules.h"
#include "geometry/hull/selection.h"
#include "geometry/rays.h"

namespace spinfill {

namespace {

// Letters: B sets, R references, P rays through edge pixels, S samples along each, N points.

constexpr std::int64_t kSamples = 40;
constexpr double kTouch = 0.35;  // voxels outside the hull that still count as inside: its edge is not exact
// Places of the section, as a share of the way from the hull's middle to its shown end.
constexpr double kFirstSection = -0.2, kSectionStep = 0.2;
constexpr int kSections = 7;
constexpr double kSectionShare = 0.3;  // of what may be uncovered; the rest is for the plan box

// Rays through the silhouettes' edge pixels, and where along them the hull lies.
struct Chords {
  at::Tensor points;   // [B,P,S,3]
  at::Tensor inside;   // [B,P,S]
  at::Tensor counted;  // [B,P]: rays that meet the hull at all; others say nothing
};

Chords edge_chords(const Hull& hull, const References& references, const Cones& cones) {
  const std::int64_t B = cones.distance.size(0), R = cones.distance.size(1), h = cones.distance.size(2),
                     w = cones.distance.size(3);
  const auto floats = cones.distance.options(), counts = floats.dtype(at::kLong);
  // Every third pixel of the edge is enough.
  const at::Tensor diagonal = at::arange(h, counts).unsqueeze(1) + at::arange(w, counts);
  const at::Tensor edge = (cones.distance >= 0)
                              .logical_and(cones.distance < 1)
                              .logical_and(cones.valid.view({B, R, 1, 1}))
                              .logical_and(at::remainder(diagonal, 3) == 0);
  const Rays all = camera_rays(references.vehicle_from_camera, references.intrinsics, references.premultiplied.size(3),
                               references.premultiplied.size(4), h, w);
  const Selection chosen = select(edge.reshape({B, R * h * w}));
  const at::Tensor origin = chosen.take(all.origin), direction = chosen.take(all.direction);  // [B,P,3]
  const std::int64_t P = origin.size(1);
  const BoxCrossing segment = intersect_box(origin, direction, hull.centre, hull.half);
  const at::Tensor step = (at::arange(kSamples, floats) + 0.5) / kSamples;
  const at::Tensor t = segment.near.unsqueeze(-1) + (segment.far - segment.near).clamp_min(0).unsqueeze(-1) * step;
  Chords chords;
  chords.points = origin.unsqueeze(2) + t.unsqueeze(-1) * direction.unsqueeze(2);
  const at::Tensor distance = hull.sample(chords.points.view({B, P * kSamples, 3})).view({B, P, kSamples});
  chords.inside = (distance > -kTouch * hull.voxel().view({B, 1, 1})).logical_and(segment.hit.unsqueeze(-1));
  chords.counted = chords.inside.any(2).logical_and(chosen.valid);
  return chords;
}

// The one reference of each set that shows an end whose opposite no reference shows.
struct Ends {
  at::Tensor row;     // [B] into B·R
  at::Tensor toward;  // [B] +1: the front is shown, −1: the rear
  at::Tensor single;  // [B] bool; false: both ends or none
};
Ends single_ends(const References& references, const at::Tensor& along) {
  const at::Tensor front = (along > kPlanAcross).logical_and(references.valid),
                   rear = (along < -kPlanAcross).logical_and(references.valid);  // [B,R]
  Ends ends;
  ends.single = front.any(1).logical_xor(rear.any(1));
  ends.toward = front.any(1).to(along.scalar_type()) * 2 - 1;
  const at::Tensor best = (along * ends.toward.unsqueeze(1)).masked_fill(references.valid.logical_not(), -2).argmax(1);
  ends.row = best + at::arange(best.size(0), best.options()) * along.size(1);
  return ends;
}

// Signed distance of points [B,N,3] to the prism of the end's silhouette at x [B], and to its mirror image: [B,N].
at::Tensor section_distance(const Cones& cones, const Ends& ends, const at::Tensor& x, const at::Tensor& points) {
  const std::int64_t B = points.size(0), N = points.size(1), h = cones.distance.size(2), w = cones.distance.size(3);
  // All points are projected as if they lay at x.
  const at::Tensor m = cones.projections.reshape({-1, 3, 4}).index_select(0, ends.row).to(at::kFloat);  // [B,3,4]
  const at::Tensor shift = m.select(2, 3) + m.select(2, 0) * x.unsqueeze(1);
  const at::Tensor flat = at::stack({at::zeros_like(shift), m.select(2, 1), m.select(2, 2), shift}, 2).unsqueeze(1);
  const at::Tensor mirror = at::tensor({1.F, -1.F, 1.F}, points.options());
  const at::Tensor both = at::cat({points, points * mirror}, 1);  // [B,2N,3]
  const Projected projected = project_points(flat, both);
  const at::Tensor pixels = cones.distance.reshape({-1, 1, h, w}).index_select(0, ends.row);
  const at::Tensor length = cones.length.flatten().index_select(0, ends.row);
  at::Tensor d = at::grid_sampler(pixels, projected.grid.view({B, 1, 2 * N, 2}), 0, 1, false).view({B, 2 * N});
  d = d * projected.depth.view({B, 2 * N}) * length.unsqueeze(1);
  return at::minimum(d.narrow(1, 0, N), d.narrow(1, N, N));
}

void cut_section(Hull& hull, Chords& chords, const References& references, const Cones& cones, const VoxelGrid& grid,
                 const at::Tensor& along, double uncovered) {
  const Ends ends = single_ends(references, along);
  if (!ends.single.any().item<bool>()) return;
  const std::int64_t B = chords.points.size(0), P = chords.points.size(1);
  const at::Tensor points = chords.points.view({B, P * kSamples, 3});
  const at::Tensor count = chords.counted.sum(1).clamp_min(1);
  const at::Tensor middle = hull.centre.select(1, 0), reach = hull.half.select(1, 0) * ends.toward;
  const auto place = [&](const at::Tensor& k) { return middle + reach * (kFirstSection + k * kSectionStep); };
  const auto kept = [&](const at::Tensor& x) {
    const at::Tensor d = section_distance(cones, ends, x, points).view({B, P, kSamples});
    return chords.inside.logical_and(d > -kTouch * hull.voxel().view({B, 1, 1}));
  };
  // From the widest prism on, the last one before any loses too much.
  at::Tensor allowed = ends.single, chosen = at::full({B}, -1, count.options());
  for (int k = 0; k < kSections; ++k) {
    const at::Tensor x = place(at::full({B}, k, reach.options()));
    const at::Tensor lost = chords.counted.logical_and(kept(x).any(2).logical_not()).sum(1);
    allowed = allowed.logical_and(lost.to(at::kDouble) <= kSectionShare * uncovered * count.to(at::kDouble));
    chosen = at::where(allowed, at::full({}, k, chosen.options()), chosen);
  }
  const at::Tensor cut = chosen >= 0;
  if (!cut.any().item<bool>()) return;
  const at::Tensor x = place(chosen.to(reach.scalar_type()));
  chords.inside = at::where(cut.view({B, 1, 1}), kept(x), chords.inside);
  const at::Tensor section = section_distance(cones, ends, x, grid.centres()).view_as(hull.distance);
  hull.distance = at::where(cut.view({B, 1, 1, 1, 1}), at::minimum(hull.distance, section), hull.distance);
}

}  // namespace

void bound_flanks(Hull& hull, const References& references, const Cones& cones, const VoxelGrid& grid,
                  double uncovered) {
  const std::int64_t B = references.index.size(0);
  Chords chords = edge_chords(hull, references, cones);
  if (chords.points.size(1) == 0) return;
  const at::Tensor eye = references.vehicle_from_camera.select(-1, 3).narrow(-1, 0, 2);  // [B,R,2]
  const at::Tensor cosine = (eye / eye.norm(2, {-1}, true).clamp_min(1e-6)).to(at::kFloat);
  cut_section(hull, chords, references, cones, grid, cosine.select(2, 0), uncovered);

  const at::Tensor across = (cosine.abs() < kPlanAcross).logical_and(references.valid.unsqueeze(-1)).any(1);  // [B,2]
  hull.plan = narrowest_plan(chords.points, chords.inside, across, uncovered);
  hull.distance =
      at::minimum(hull.distance, plan_distance(hull.plan, grid.centres()).view({B, 1, grid.Z, grid.Y, grid.X}));
}

}  // namespace spinfill
