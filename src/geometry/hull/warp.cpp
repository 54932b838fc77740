// SPDX-License-Identifier: Apache-2.0
#include "geometry/hull/warp.h"

#include "geometry/hull/paths.h"

namespace spinfill {

at::Tensor reference_maps(const Surface& surface, const References& references, std::int64_t views, std::int64_t height,
                          std::int64_t width) {
  return surface.depth.is_cpu() ? cpu::reference_maps(surface, references, views, height, width)
                                : tensor::reference_maps(surface, references, views, height, width);
}

Warped warp_colour(const Surface& surface, const at::Tensor& slack, const References& references,
                   const at::Tensor& reference_maps, bool mirror, const WarpOptions& options) {
  return reference_maps.is_cpu() && !surface.point.requires_grad()
             ? cpu::warp_colour(surface, slack, references, reference_maps, mirror, options)
             : tensor::warp_colour(surface, slack, references, reference_maps, mirror, options);
}

}  // namespace spinfill
