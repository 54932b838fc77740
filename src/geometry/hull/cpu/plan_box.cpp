// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "geometry/hull/cpu/volume.h"
#include "geometry/hull/paths.h"
#include "geometry/hull/plan_box_rules.h"

namespace spinfill::cpu {

namespace {

constexpr int kSamples = kPlanSamples;
constexpr auto kFree = static_cast<float>(kPlanFree);

// The samples of one ray through a silhouette that lie inside the hull.
struct Chord {
  float x[kSamples], y[kSamples];  // y without its sign
  int count = 0;

  // The least value over the samples: what a bound must reach for the pixel to stay covered.
  template <typename Value>
  float least(Value value) const {
    float out = kFree;
    for (int i = 0; i < count; ++i) out = std::min(out, value(x[i], y[i]));
    return out;
  }
  template <typename Keep>
  void keep(Keep inside) {
    int kept = 0;
    for (int i = 0; i < count; ++i)
      if (inside(x[i])) x[kept] = x[i], y[kept++] = y[i];
    count = kept;
  }
};

float taper(float x, float rear, float front) {
  const float reach = (front - rear) * static_cast<float>(kTaperLength);
  const float into = clamped(std::max(x - (front - reach), (rear + reach) - x) / reach, 1);
  return 1 - static_cast<float>(kTaperDepth) * into * into;
}

// The level that is enough for the needs of all but the share `uncovered` of the chords.
template <typename Need>
float level(const std::vector<Chord>& chords, double uncovered, Need need) {
  std::vector<float> needs;
  needs.reserve(chords.size());
  for (const Chord& chord : chords) needs.push_back(need(chord));
  const auto skip = static_cast<std::ptrdiff_t>(static_cast<double>(chords.size()) * uncovered);
  const auto place = needs.begin() + std::min<std::ptrdiff_t>(skip, std::ssize(needs) - 1);
  std::nth_element(needs.begin(), place, needs.end(), std::greater<>());
  return *place;
}

// Which extents of the vehicle some reference looks across, and the chords of all references' silhouettes. Pixels that
// the hull itself does not explain say nothing about the box: they have no chord.
struct Evidence {
  bool shows_length = false, shows_width = false;
  std::vector<Chord> chords;

  void look_from(const double* pose) {
    const double out_of = std::max(std::hypot(pose[3], pose[7]), 1e-6);
    shows_length |= std::abs(pose[3]) / out_of < kPlanAcross;
    shows_width |= std::abs(pose[7]) / out_of < kPlanAcross;
  }

  // A ray through picture coordinates of a silhouette.
  void add_ray(const Pinhole& camera, double u, double v, const Volume& volume, const float* centre,
               const float* half) {
    const Point d = camera.direction(u, v);
    const Span span = intersect_box(camera.eye, d, centre, half);
    if (!span.hit()) return;
    Chord chord;
    for (int s = 0; s < kSamples; ++s) {
      const float t = span.near + (span.far - span.near) * ((static_cast<float>(s) + 0.5F) / kSamples);
      const Point p = along(camera.eye, t, d);
      if (volume.at(volume.coordinates(p)) > -0.25F * volume.voxel)
        chord.x[chord.count] = p.x, chord.y[chord.count++] = std::abs(p.y);
    }
    if (chord.count > 0) chords.push_back(chord);
  }
};

// Writes rear x, front x, half width.
void narrowest(Evidence& evidence, double uncovered, float* plan) {
  std::vector<Chord>& chords = evidence.chords;
  float rear = -kFree, front = kFree, width = kFree;
  if (!chords.empty()) {
    const double share = uncovered / 3;
    if (evidence.shows_length) {
      front = level(chords, share, [](const Chord& c) { return c.least([](float x, float) { return x; }); });
      for (Chord& c : chords) c.keep([&](float x) { return x <= front; });
      rear = -level(chords, share, [](const Chord& c) { return c.least([](float x, float) { return -x; }); });
      for (Chord& c : chords) c.keep([&](float x) { return x >= rear; });
    }
    width = static_cast<float>(kUsual);
    if (evidence.shows_width) {
      const auto need = [&](float x, float y) { return y / taper(x, rear, front); };
      width =
          std::max(level(chords, share, [&](const Chord& c) { return c.least(need); }), static_cast<float>(kNarrowest));
    }
  }
  plan[0] = rear, plan[1] = front, plan[2] = width;
}

}  // namespace

at::Tensor fit_plan_box(const Hull& hull, const References& references, double uncovered) {
  const at::Tensor alpha = references.alpha();
  const std::int64_t B = alpha.size(0), R = alpha.size(1), H = alpha.size(3), W = alpha.size(4);
  const auto [h, w] = plan_raster(H, W);
  const double cell_width = static_cast<double>(W) / w, cell_height = static_cast<double>(H) / h;
  const at::Tensor covered = at::adaptive_avg_pool2d(alpha.reshape({B * R, 1, H, W}), {h, w}).contiguous();
  const at::Tensor poses = references.vehicle_from_camera.to(at::kDouble).contiguous(),
                   lenses = references.intrinsics.to(at::kDouble).contiguous(), distance = hull.distance.contiguous(),
                   centres = hull.centre.contiguous(), halves = hull.half.contiguous(),
                   given = references.valid.contiguous();
  const std::int64_t Z = distance.size(2), Y = distance.size(3), X = distance.size(4), raster = h * w, columns = w;
  at::Tensor out = at::empty({B, 3}, alpha.options());
  float* plan = out.mutable_data_ptr<float>();
  at::parallel_for(0, B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const float *centre = centres.const_data_ptr<float>() + 3 * b, *half = halves.const_data_ptr<float>() + 3 * b;
      const Volume volume(distance.const_data_ptr<float>() + b * Z * Y * X, centre, half, X, Y, Z);
      Evidence evidence;
      for (std::int64_t k = b * R; k < (b + 1) * R; ++k) {
        const double* pose = poses.const_data_ptr<double>() + 16 * k;
        if (given.const_data_ptr<bool>()[k]) evidence.look_from(pose);
        const Pinhole camera(pose, lenses.const_data_ptr<double>() + 4 * k);
        const float* silhouette = covered.const_data_ptr<float>() + k * raster;
        for (std::int64_t i = 0; i < raster; ++i) {
          if (!(silhouette[i] > 0.5F)) continue;
          evidence.add_ray(camera, (static_cast<double>(i % columns) + 0.5) * cell_width,
                           (static_cast<double>(i / columns) + 0.5) * cell_height, volume, centre, half);
        }
      }
      narrowest(evidence, uncovered, plan + 3 * b);
    }
  });
  return out;
}

at::Tensor clip_by_plan(const at::Tensor& distance, const at::Tensor& plan, const VoxelGrid& grid) {
  const std::int64_t B = distance.size(0), X = grid.X, Y = grid.Y, Z = grid.Z;
  const at::Tensor plans = plan.contiguous(), centres = grid.centre.contiguous(), halves = grid.half.contiguous();
  float* d = distance.mutable_data_ptr<float>();
  at::parallel_for(0, B, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> bound(Y * X);  // the same for all z
    for (std::int64_t b = begin; b < end; ++b) {
      const float *p = plans.const_data_ptr<float>() + 3 * b, *centre = centres.const_data_ptr<float>() + 3 * b,
                  *half = halves.const_data_ptr<float>() + 3 * b;
      const auto place = [&](int axis, std::int64_t i, std::int64_t n) {
        return centre[axis] + half[axis] * ((static_cast<float>(i) + 0.5F) * (2.0F / static_cast<float>(n)) - 1);
      };
      for (std::int64_t x = 0; x < X; ++x) {
        const float at = place(0, x, X), width = p[2] * taper(at, p[0], p[1]), ends = std::min(p[1] - at, at - p[0]);
        for (std::int64_t y = 0; y < Y; ++y) bound[y * X + x] = std::min(ends, width - std::abs(place(1, y, Y)));
      }
      for (std::int64_t z = 0; z < Z; ++z) {
        float* slab = d + (b * Z + z) * Y * X;
        for (std::int64_t i = 0; i < Y * X; ++i) slab[i] = std::min(slab[i], bound[i]);
      }
    }
  });
  return distance;
}

}  // namespace spinfill::cpu
