// SPDX-License-Identifier: Apache-2.0
#include "data/priors/surface_warp.h"

#include <ATen/ATen.h>

#include "data/priors/surface_maps.h"
#include "geometry/hull/references.h"
#include "geometry/rays.h"

namespace spinfill {
namespace {

// [B,V,C,H,W] → rows as [N,HW,C]
at::Tensor pixels_of(const at::Tensor& maps, const at::Tensor& rows) {
  return maps.flatten(0, 1).index_select(0, rows).flatten(2).transpose(1, 2).contiguous();
}

}  // namespace

SurfaceWarp::SurfaceWarp(const PriorInputs& in, const PriorMaps& maps, const at::Tensor& rows)
    : SurfaceWarp(in, maps,
                  {maps.canonical, maps.normal,
                   ray_directions(in.vehicle_from_camera, in.intrinsics, in.colour.size(3), in.colour.size(4),
                                  in.colour.size(3), in.colour.size(4)),
                   maps.silhouette},
                  rows) {}

SurfaceWarp::SurfaceWarp(const PriorInputs& in, const PriorMaps& maps, const Views& views, const at::Tensor& rows)
    : height_(views.point.size(3)), width_(views.point.size(4)) {
  const std::int64_t V = in.colour.size(1);
  const at::Tensor sets = at::div(rows, V, "floor");
  point_ = pixels_of(views.point, rows);
  normal_ = pixels_of(views.normal, rows);
  direction_ = pixels_of(views.direction, rows);
  coverage_ = pixels_of(views.silhouette, rows).squeeze(2);
  background_ = in.background.to(at::kFloat).index_select(0, sets);

  const References references =
      gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  // What each reference sees of the hull itself, for the occlusion test.
  const at::Tensor hit = (maps.silhouette >= 0.5).to(at::kFloat);
  const at::Tensor away = in.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).norm(2, {-1}).to(at::kFloat);  // [B,V]
  const at::Tensor own = at::cat({(maps.depth + away.view({-1, V, 1, 1, 1})) * hit, hit}, 2);
  at::Tensor own_of_references = references.gather(own);
  if (const std::int64_t k = in.colour.size(3) / maps.depth.size(3); k > 1)
    own_of_references = own_of_references.repeat_interleave(k, 3).repeat_interleave(k, 4);
  const at::Tensor shown = at::cat({references.premultiplied, own_of_references}, 2);
  pose_ = references.vehicle_from_camera.index_select(0, sets);
  intrinsics_ = references.intrinsics.index_select(0, sets);
  valid_ = references.valid.index_select(0, sets);
  maps_ = shown.index_select(0, sets);
}

SurfaceWarp SurfaceWarp::select(const at::Tensor& which) const {
  SurfaceWarp out;
  out.height_ = height_;
  out.width_ = width_;
  const auto chosen = [&](const at::Tensor& all) { return all.index_select(0, which); };
  out.point_ = chosen(point_);
  out.normal_ = chosen(normal_);
  out.direction_ = chosen(direction_);
  out.coverage_ = chosen(coverage_);
  out.background_ = chosen(background_);
  out.pose_ = chosen(pose_);
  out.intrinsics_ = chosen(intrinsics_);
  out.valid_ = chosen(valid_);
  out.maps_ = chosen(maps_);
  return out;
}

SurfaceWarp SurfaceWarp::windows(const at::Tensor& rows, const at::Tensor& columns, std::int64_t height,
                                 std::int64_t width) const {
  SurfaceWarp out = *this;
  out.height_ = height;
  out.width_ = width;
  const auto along = [&](const at::Tensor& first, std::int64_t length) {  // [N,length]
    return first.to(point_.device()).unsqueeze(1) + at::arange(length, first.options().device(point_.device()));
  };
  const at::Tensor pixel = (along(rows, height).unsqueeze(2) * width_ + along(columns, width).unsqueeze(1)).flatten(1);
  for (at::Tensor* map : {&out.point_, &out.normal_, &out.direction_})
    *map = map->gather(1, pixel.unsqueeze(2).expand({-1, -1, map->size(2)}));
  out.coverage_ = coverage_.gather(1, pixel);
  return out;
}

PriorPicture SurfaceWarp::at(const at::Tensor& correction) const {
  const std::int64_t N = point_.size(0), H = height_, W = width_;
  Surface surface;
  surface.pixels.index = at::arange(H * W, valid_.options().dtype(at::kLong)).expand({N, H * W});
  surface.pixels.valid = at::ones({N, H * W}, valid_.options());
  surface.pixels.from = H * W;
  surface.coverage = coverage_;
  surface.normal = normal_;
  surface.direction = direction_;
  surface.point =
      correction.defined() ? point_ + correction.flatten(2).transpose(1, 2).to(at::kFloat) * direction_ : point_;
  References references;
  references.valid = valid_;
  references.vehicle_from_camera = pose_;
  references.intrinsics = intrinsics_;
  PriorConfig config;
  config.sharp = true;
  const WarpOptions options = warp_options(config);
  const at::Tensor slack = at::full({N}, kCorrectedSlack, point_.options());
  const auto shown = [&](bool mirror) { return warp_colour(surface, slack, references, maps_, mirror, options); };
  const Warped direct = shown(false), mirrored = shown(true);
  const auto map = [&](const at::Tensor& values) { return values.transpose(1, 2).reshape({N, 1, -1, H, W}); };
  return prior_picture(SeenColours{map(direct.colour), map(direct.confidence.unsqueeze(2)), map(mirrored.colour),
                                   map(mirrored.confidence.unsqueeze(2)), map(coverage_.unsqueeze(2))});
}

}  // namespace spinfill
