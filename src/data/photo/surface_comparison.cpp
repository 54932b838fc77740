// SPDX-License-Identifier: Apache-2.0
#include "data/photo/surface_comparison.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

constexpr double kFrontal = 0.1;   // cos² of the angle to the normal, least
constexpr double kCovered = 0.98;  // coverage of a pixel that is wholly the vehicle's

Letterbox reduced_to(int width, int height, int compared_width) {
  const int to = std::min(compared_width, width);
  return fit(width, height, to, std::max(1, static_cast<int>(std::lround(double(to) * height / width))));
}

}  // namespace

SurfaceComparison::SurfaceComparison(const std::vector<PhotoView>& carving, int width, int height, int compared_width)
    : small_(reduced_to(width, height, compared_width)) {
  const at::NoGradGuard no_grad;
  config_ = photo_priors(2 * small_.to_width);  // a voxel about a pixel
  hull_ = carve_hull(references_of(carving), hull_options(config_));
  // One reference whose weight is cos² alone: its confidence is ½ where that is kFrontal.
  options_ = warp_options(config_);
  options_.frontal_power = 2;
  options_.closeness = 0;
  options_.half_weight = kFrontal;
}

SurfaceComparison::Seen SurfaceComparison::look(const PhotoView& view) const {
  const at::NoGradGuard no_grad;
  Seen out;
  out.picture = references_of({view});
  out.surface = march(hull_, out.picture.vehicle_from_camera, out.picture.intrinsics, height(), width());
  out.maps = reference_maps(out.surface, out.picture, 1, height(), width());
  return out;
}

at::Tensor SurfaceComparison::own_colours(const Seen& seen) const {
  return seen.surface.pixels.take(
      seen.maps[0].select(0, 0).narrow(0, 0, 4).reshape({1, 4, height() * width()}).transpose(1, 2));
}

at::Tensor SurfaceComparison::frontal(const Seen& seen, const at::Tensor& alpha) {
  const Surface& surface = seen.surface;
  const at::Tensor facing = -(surface.normal * surface.direction).sum(-1);
  return (alpha >= kCovered) & (surface.coverage >= kCovered) & (facing.clamp_min(0).square() >= kFrontal) &
         surface.pixels.valid;
}

void SurfaceComparison::add_to(PointCloud& cloud, const Seen& seen) const {
  const at::NoGradGuard no_grad;
  if (seen.surface.point.size(1) == 0) return;
  const at::Tensor own = own_colours(seen), alpha = own.select(2, 3);
  const at::Tensor counted = frontal(seen, alpha)[0].nonzero().select(1, 0);  // [M]
  const auto of = [&](const at::Tensor& all) { return all[0].index_select(0, counted); };
  cloud.add(of(seen.surface.point), of(seen.surface.normal), of(own.narrow(2, 0, 3) / alpha.unsqueeze(2)));
}

SamePlaces SurfaceComparison::compare(const Seen& a, const Seen& b) const {
  const at::NoGradGuard no_grad;
  const Surface& surface = a.surface;
  if (surface.point.size(1) == 0) return {at::empty({0, 3}), at::empty({0, 3})};
  const Warped there = warp_colour(surface, hull_.slack(), b.picture, b.maps, false, options_);
  const at::Tensor own = own_colours(a), alpha = own.select(2, 3);
  const at::Tensor counted = (frontal(a, alpha) & (there.confidence >= 0.5))[0].nonzero().select(1, 0);  // [M]
  const at::Tensor straight = own.narrow(2, 0, 3) / alpha.clamp_min(1e-6).unsqueeze(2);
  return {straight[0].index_select(0, counted), there.colour[0].index_select(0, counted)};
}

References SurfaceComparison::references_of(const std::vector<PhotoView>& views) const {
  const PriorInputs in = photo_inputs(
      views, {small_.to_width, small_.to_height},
      [&](std::size_t v) {
        if (views[v].picture->cols != small_.from_width || views[v].picture->rows != small_.from_height)
          fail("the view at {} degrees has {}x{} px, not {}x{}: views can be compared only at one size",
               views[v].frame->azimuth_deg, views[v].picture->cols, views[v].picture->rows, small_.from_width,
               small_.from_height);
        return rgba_planes(resample(premultiplied(*views[v].picture), small_));
      },
      [&](std::size_t v) { return small_.camera(*views[v].frame->camera); });
  return gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
}

}  // namespace spinfill
