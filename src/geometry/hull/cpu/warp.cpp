// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "geometry/hull/cpu/volume.h"
#include "geometry/hull/paths.h"
#include "geometry/rays.h"

namespace spinfill::cpu {

namespace {

constexpr std::int64_t C = 6;  // channels of the reference maps

struct Reference {
  const float* maps;        // [H,W,6]
  const float* projection;  // [3,4]
  Point eye;
};

float dot(const Point& a, const Point& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

struct Place {
  float x, y;  // px of the reference's picture, 0 the first pixel's centre
};

// Where a point projects to; false if no pixel there counts.
bool project(const Reference& reference, std::int64_t H, std::int64_t W, const Point& p, Place& to) {
  const float* P = reference.projection;
  const auto row = [&](const float* r) { return r[0] * p.x + r[1] * p.y + r[2] * p.z + r[3]; };
  const float inverse = 1 / std::max(row(P + 8), 1e-3F);
  const auto w = static_cast<float>(W), h = static_cast<float>(H);
  to = {((row(P) * inverse + 1) * w - 1) / 2, ((row(P + 4) * inverse + 1) * h - 1) / 2};
  // Also false for NaN, so that the casts are defined.
  return to.x > -1 && to.x < w && to.y > -1 && to.y < h;
}

// The maps at a place, bilinear and 0 outside.
void bilinear(const Reference& reference, std::int64_t H, std::int64_t W, const Place& place, float* to) {
  const std::int64_t x = static_cast<int>(place.x + 1) - 1, y = static_cast<int>(place.y + 1) - 1;
  const float fx = place.x - static_cast<float>(x), fy = place.y - static_cast<float>(y);
  if (x >= 0 && x + 1 < W && y >= 0 && y + 1 < H) {
    const float *a = reference.maps + (y * W + x) * C, *b = a + W * C;
    const float aa = (1 - fx) * (1 - fy), ab = fx * (1 - fy), ba = (1 - fx) * fy, bb = fx * fy;
    for (int c = 0; c < C; ++c) to[c] = aa * a[c] + ab * a[c + C] + ba * b[c] + bb * b[c + C];
    return;
  }
  for (int c = 0; c < C; ++c) to[c] = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const int i = corner & 1, j = corner >> 1;
    if (x + i < 0 || x + i >= W || y + j < 0 || y + j >= H) continue;
    const float share = (i == 1 ? fx : 1 - fx) * (j == 1 ? fy : 1 - fy);
    const float* from = reference.maps + ((y + j) * W + x + i) * C;
    for (int c = 0; c < C; ++c) to[c] += share * from[c];
  }
}

// Cubic convolution (Keys 1981) with grid_sampler's slope: the shares of four pixels at a place f after the second.
void cubic_shares(float f, float* share) {
  constexpr float a = -0.75F;
  const auto near = [](float t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };       // |t| ≤ 1
  const auto far = [](float t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };  // 1 ≤ |t| ≤ 2
  share[0] = far(f + 1);
  share[1] = near(f);
  share[2] = near(1 - f);
  share[3] = far(2 - f);
}

// The premultiplied colour and alpha at a place, bicubic and 0 outside.
void bicubic(const Reference& reference, std::int64_t H, std::int64_t W, const Place& place, float* to) {
  const std::int64_t x = static_cast<int>(place.x + 1) - 1, y = static_cast<int>(place.y + 1) - 1;
  float across[4], down[4];
  cubic_shares(place.x - static_cast<float>(x), across);
  cubic_shares(place.y - static_cast<float>(y), down);
  for (int c = 0; c < 4; ++c) to[c] = 0;
  for (std::int64_t j = std::max<std::int64_t>(0, y - 1); j <= std::min(H - 1, y + 2); ++j)
    for (std::int64_t i = std::max<std::int64_t>(0, x - 1); i <= std::min(W - 1, x + 2); ++i) {
      const float share = across[i - x + 1] * down[j - y + 1];
      const float* from = reference.maps + (j * W + i) * C;
      for (int c = 0; c < 4; ++c) to[c] += share * from[c];
    }
  // It overshoots at edges: cut back, so that alpha ≥ 0 and no premultiplied colour exceeds its alpha.
  to[3] = std::max(to[3], 0.0F);
  for (int c = 0; c < 3; ++c) to[c] = clamped(to[c], to[3]);
}

// A surface point, its normal and the direction in which it is viewed.
struct SurfacePoint {
  Point at, normal, viewing;
};

// How references are weighted, in the kernel's numbers.
struct Weighting {
  float closeness, frontal_power, half_weight;
  bool bicubic;

  explicit Weighting(const WarpOptions& options)
      : closeness(static_cast<float>(options.closeness)),
        frontal_power(static_cast<float>(options.frontal_power)),
        half_weight(static_cast<float>(options.half_weight)),
        bicubic(options.bicubic) {}
};

// A reference's weight at a point, and its colour and alpha there (s[0…3]); false where it does not see the point.
bool look_up(const Reference& reference, std::int64_t H, std::int64_t W, const SurfacePoint& p, float per_own_slack,
             const Weighting& weighting, float& weight, float* s) {
  const Point to_point{p.at.x - reference.eye.x, p.at.y - reference.eye.y, p.at.z - reference.eye.z};
  const float away = dot(to_point, p.normal);
  Place place;
  if (!(away < 0) || !project(reference, H, W, p.at, place)) return false;
  bilinear(reference, H, W, place, s);
  if (!(s[5] > 0)) return false;
  const float distance = std::sqrt(dot(to_point, to_point)), inverse = 1 / distance;
  const float facing = -away * inverse;
  // In sight: not behind the surface that the reference itself sees there. A slanted surface changes its depth
  // within a pixel, so the slack grows with the slant.
  const float own = s[4] / std::max(s[5], 1e-4F);
  const float per_slack = std::clamp(facing, 0.25F, 1.0F) * per_own_slack;
  const float in_sight = clamped(2 - (distance - own) * per_slack, 1) * s[5];
  if (!(in_sight > 0)) return false;
  if (weighting.bicubic) bicubic(reference, H, W, place, s);
  const float power = weighting.frontal_power;
  const float frontal = power == 2 ? facing * facing : std::pow(facing, power);
  weight = frontal * std::exp(weighting.closeness * (dot(to_point, p.viewing) * inverse - 1)) * in_sight;
  return true;
}

}  // namespace

Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options) {
  const std::int64_t B = reference_maps.size(0), R = reference_maps.size(1), H = reference_maps.size(3),
                     W = reference_maps.size(4), P = surface.point.size(1);
  // The channels of a pixel side by side, as they come from reference_maps.
  const at::Tensor maps = reference_maps.permute({0, 1, 3, 4, 2}).contiguous();
  const at::Tensor projections =
      projection_matrices(references.vehicle_from_camera, references.intrinsics, H, W).contiguous();
  const at::Tensor eyes = references.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat).contiguous();
  const at::Tensor given = references.valid.contiguous(), slacks = slack.contiguous(),
                   points = surface.point.contiguous(), normals = surface.normal.contiguous(),
                   directions = surface.direction.contiguous(), valid = surface.pixels.valid.contiguous();
  const float *point = points.const_data_ptr<float>(), *normal = normals.const_data_ptr<float>(),
              *direction = directions.const_data_ptr<float>(), *own_slack = slacks.const_data_ptr<float>();
  const bool* counts = valid.const_data_ptr<bool>();
  std::vector<std::vector<Reference>> views(B);
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t k = b * R; k < (b + 1) * R; ++k) {
      const float* eye = eyes.const_data_ptr<float>() + 3 * k;
      if (given.const_data_ptr<bool>()[k])
        views[b].push_back({maps.const_data_ptr<float>() + k * H * W * C,
                            projections.const_data_ptr<float>() + 12 * k,
                            {eye[0], eye[1], eye[2]}});
    }

  const Weighting weighting(options);
  const float side = mirror ? -1 : 1;
  const auto at = [&](const float* from) { return Point{from[0], side * from[1], from[2]}; };
  Warped out;
  out.colour = at::zeros({B, P, 3}, points.options());
  out.confidence = at::zeros({B, P}, points.options());
  float *colour = out.colour.mutable_data_ptr<float>(), *confidence = out.confidence.mutable_data_ptr<float>();
  at::parallel_for(0, B * P, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (!counts[i]) continue;
      const std::int64_t b = i / P;
      const SurfacePoint p{at(point + 3 * i), at(normal + 3 * i), at(direction + 3 * i)};
      const float per_own_slack = 1 / own_slack[b];
      float sum = 0, mixed[3] = {0, 0, 0};
      for (const Reference& reference : views[b]) {
        float weight, s[C];
        if (!look_up(reference, H, W, p, per_own_slack, weighting, weight, s)) continue;
        sum += weight * s[3];
        for (int c = 0; c < 3; ++c) mixed[c] += weight * s[c];
      }
      for (int c = 0; c < 3; ++c) colour[3 * i + c] = clamped(mixed[c] / std::max(sum, 1e-6F), 1);
      confidence[i] = sum / (sum + weighting.half_weight);
    }
  });
  return out;
}

at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width) {
  const at::Tensor pictures = references.premultiplied.contiguous(), slots = references.index.contiguous(),
                   given = references.valid.contiguous(), places = surface.pixels.index.contiguous(),
                   valid = surface.pixels.valid.contiguous(), coverages = surface.coverage.contiguous(),
                   depths = surface.depth.contiguous();
  const std::int64_t B = pictures.size(0), R = pictures.size(1), HW = height * width, P = places.size(1);
  at::Tensor out = at::empty({B, R, height, width, C}, pictures.options());
  const float *picture = pictures.const_data_ptr<float>(), *coverage = coverages.const_data_ptr<float>(),
              *depth = depths.const_data_ptr<float>();
  const auto *slot = slots.const_data_ptr<std::int64_t>(), *place = places.const_data_ptr<std::int64_t>();
  const bool *counts = valid.const_data_ptr<bool>(), *is_reference = given.const_data_ptr<bool>();
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      std::vector<float*> of_view(views, nullptr);
      for (std::int64_t k = b * R; k < (b + 1) * R; ++k) {
        const float* from = picture + k * 4 * HW;
        float* maps = to + k * HW * C;
        for (std::int64_t i = 0; i < HW; ++i) {
          for (int c = 0; c < 4; ++c) maps[i * C + c] = from[c * HW + i];
          maps[i * C + 4] = maps[i * C + 5] = 0;
        }
        if (is_reference[k]) of_view[slot[k]] = maps;
      }
      for (std::int64_t i = b * P; i < (b + 1) * P; ++i) {
        if (!counts[i] || coverage[i] < 0.5F) continue;
        float* maps = of_view[place[i] / HW];
        if (maps == nullptr) continue;
        maps[place[i] % HW * C + 4] = depth[i];
        maps[place[i] % HW * C + 5] = 1;
      }
    }
  });
  return out.permute({0, 1, 4, 2, 3});
}

}  // namespace spinfill::cpu
