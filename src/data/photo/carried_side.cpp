// SPDX-License-Identifier: Apache-2.0
#include "data/photo/carried_side.h"

#include <ATen/ATen.h>

#include <utility>

namespace spinfill {
namespace {

constexpr double kFarLettering = 0.1;  // closeness that a photograph of lettering from another side counts at least
constexpr double kUnsaturated = 1e-4;

References only(const References& all, std::int64_t r) {
  References one;
  one.index = all.index.narrow(1, r, 1);
  one.valid = all.valid.narrow(1, r, 1);
  one.premultiplied = all.premultiplied.narrow(1, r, 1);
  one.vehicle_from_camera = all.vehicle_from_camera.narrow(1, r, 1);
  one.intrinsics = all.intrinsics.narrow(1, r, 1);
  return one;
}

// exp(−k·(1 − cos of the angle between the view and a reference's)), as WarpOptions::closeness says. [1,P]
at::Tensor closeness(const Surface& surface, const References& one, bool mirror, double k) {
  const at::Tensor side = at::tensor({1.0F, mirror ? -1.0F : 1.0F, 1.0F});
  const at::Tensor eye = one.vehicle_from_camera[0][0].narrow(0, 0, 3).select(1, 3).to(at::kFloat);
  const at::Tensor to_point = surface.point * side - eye;
  const at::Tensor cosine = (to_point * surface.direction * side).sum(2) / to_point.norm(2, {2}).clamp_min(1e-9);
  return (k * (cosine - 1)).exp();
}

}  // namespace

CarriedSide carried_side(const Surface& surface, const at::Tensor& slack, const References& references,
                         const at::Tensor& seen, bool mirror, WarpOptions options, const at::Tensor& lettered) {
  CarriedSide side;
  side.total = side.shown = at::zeros_like(surface.coverage);
  const double k = std::exchange(options.closeness, 0);
  for (std::int64_t r = 0; r < references.count(); ++r) {
    const References one = only(references, r);
    side.sources.push_back(warp_colour(surface, slack, one, seen.narrow(1, r, 1), mirror, options));
    const at::Tensor& confidence = side.sources.back().confidence;
    const at::Tensor frontal = confidence / (1 - confidence).clamp_min(kUnsaturated);
    at::Tensor close = closeness(surface, one, mirror, k);
    if (!mirror) close = at::maximum(close, kFarLettering * lettered);
    side.weights.push_back(frontal * close);
    side.total = side.total + side.weights.back();
    side.shown = side.shown + frontal * options.half_weight;
  }
  return side;
}

at::Tensor lettered_ends(const Surface& surface) {
  const auto risen = [](const at::Tensor& x, double from, double to) { return ((x - from) / (to - from)).clamp(0, 1); };
  return risen(surface.normal.select(2, 0).abs(), 0.8, 0.95) * risen(-surface.point.select(2, 1).abs(), -0.1, -0.07);
}

}  // namespace spinfill
