// SPDX-License-Identifier: Apache-2.0
#include "data/batches/close_ups.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>

#include "core/random.h"
#include "data/batches/batch.h"
#include "data/priors/surface_maps.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/rays.h"

namespace spinfill {
namespace {

// The upper left pixel of a window within the picture whose middle is near a covered pixel; the picture's middle where
// none is covered.
std::array<std::int64_t, 2> drawn_corner(const at::Tensor& alpha, std::int64_t height, std::int64_t width,
                                         Random& random) {
  const at::Tensor covered = (alpha.flatten() >= 0.5f).nonzero().flatten();
  const std::int64_t rows = alpha.size(0), columns = alpha.size(1);
  std::int64_t x = columns / 2, y = rows / 2;
  if (covered.numel() > 0) {
    const auto place = covered[random.integer(covered.numel())].item<std::int64_t>();
    x = place % columns;
    y = place / columns;
  }
  return {std::clamp<std::int64_t>(x - width / 2, 0, columns - width),
          std::clamp<std::int64_t>(y - height / 2, 0, rows - height)};
}

// Where the targets of each set are, [B,T]; sets with fewer repeat one of theirs.
at::Tensor places_of_targets(const at::Tensor& is_target) {
  const at::Tensor most = is_target.sum(1).max().clamp_min(1);
  return std::get<1>(is_target.to(at::kInt).sort(/*stable=*/true, 1, /*descending=*/true))
      .narrow(1, 0, most.item<std::int64_t>());
}

at::Tensor gathered(const at::Tensor& all, const at::Tensor& places) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(all.dim()), 1);
  shape[0] = places.size(0);
  shape[1] = places.size(1);
  std::vector<std::int64_t> sizes = all.sizes().vec();
  sizes[1] = places.size(1);
  return all.gather(1, places.view(shape).expand(sizes));
}

}  // namespace

std::vector<at::Tensor*> CloseUps::all() {
  return {&colour, &alpha, &intrinsics, &corner, &truth, &truth_alpha, &silhouette, &point, &normal, &direction};
}

CloseUps blank_close_ups(std::int64_t sets, std::int64_t height, std::int64_t width, std::int64_t k,
                         at::Device device) {
  const at::TensorOptions options = at::TensorOptions(device).dtype(at::kFloat);
  const auto maps = [&](std::int64_t channels, std::int64_t times = 1) {
    return at::zeros({sets, Batch::kViews, channels, times * height, times * width}, options);
  };
  CloseUps out;
  out.colour = maps(3, k);
  out.alpha = maps(1, k);
  out.intrinsics = at::zeros({sets, Batch::kViews, 4}, options.dtype(at::kDouble));
  out.corner = at::zeros({sets, Batch::kViews, 2}, options);
  out.truth = maps(3);
  out.truth_alpha = maps(1);
  out.silhouette = maps(1);
  out.point = maps(3);
  out.normal = maps(3);
  out.direction = maps(3);
  return out;
}

CloseUps close_ups(const Batch& large, const PriorConfig& config, std::int64_t k, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const std::int64_t B = large.size(), height = large.colour.size(3) / k, width = large.colour.size(4) / k;
  CloseUps out = blank_close_ups(B, height, width, k, at::kCPU);
  out.colour = large.colour;
  out.alpha = large.alpha;
  out.intrinsics = large.intrinsics;
  at::Tensor of_windows = large.intrinsics.clone();
  for (std::int64_t b = 0; b < B; ++b) {
    Random random(seed, static_cast<std::uint64_t>(large.samples[static_cast<std::size_t>(b)]), Stream::close_up);
    for (std::int64_t v = 0; v < Batch::kViews; ++v) {
      if (!large.is_target[b][v].item<bool>()) continue;
      const auto [x, y] = drawn_corner(large.alpha[b][v][0], height, width, random);
      out.corner[b][v][0] = static_cast<float>(x);
      out.corner[b][v][1] = static_cast<float>(y);
      of_windows[b][v][2] -= x;
      of_windows[b][v][3] -= y;
      const auto window = [&](const at::Tensor& picture) { return picture.narrow(1, y, height).narrow(2, x, width); };
      out.truth[b][v].copy_(window(large.colour[b][v]));
      out.truth_alpha[b][v].copy_(window(large.alpha[b][v]));
    }
  }

  const References references = gather_references(large.colour, large.alpha, large.background, large.is_reference,
                                                  large.vehicle_from_camera, large.intrinsics);
  HullOptions options = hull_options(config);
  options.grid *= k;
  const at::Tensor places = places_of_targets(large.is_target);
  const std::int64_t T = places.size(1);
  const at::Tensor pose = gathered(large.vehicle_from_camera, places), intrinsics = gathered(of_windows, places);
  const Surface surface = march(carve_hull(references, options), pose, intrinsics, height, width);
  const at::Tensor seen =
      surface.pixels.maps(at::cat({surface.coverage.unsqueeze(2), surface.point, surface.normal}, 2), T, height, width);
  const at::Tensor is_target = large.is_target.gather(1, places).view({B, T, 1, 1, 1}).to(at::kFloat);
  const auto put = [&](at::Tensor& to, const at::Tensor& maps) {
    to.scatter_add_(1, places.view({B, T, 1, 1, 1}).expand_as(maps), maps * is_target);
  };
  put(out.silhouette, seen.narrow(2, 0, 1));
  put(out.point, seen.narrow(2, 1, 3));
  put(out.normal, seen.narrow(2, 4, 3));
  put(out.direction, ray_directions(pose, intrinsics, height, width, height, width));
  return out;
}

}  // namespace spinfill
