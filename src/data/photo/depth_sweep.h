// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core/types.hpp>

#include "geometry/hull/references.h"
#include "geometry/hull/warp.h"

namespace spinfill {

// Where the photographs themselves say that the surface lies: it is swept along the rays of a view (Collins 1996, A
// Space-Sweep Approach to True Multi-Image Matching), every photograph and its mirror image is carried onto each of its
// places, and where they agree best, there it is. Grey values of equal local contrast are compared (local_structure.h),
// every two sources weighted by both weights, over windows of some per cent of the width; the mean of the places,
// weighted by exp(−cost) (Kendall et al. 2017, End-to-End Learning of Geometry and Context, eq. 1), counts as far as it
// agrees better than the place that it started from.

// The scale at which a view of `size` is swept: that of a view some hundred pixels wide.
double sweep_scale(cv::Size size);

// The correction [h,w] of the depth of `surface`, what a view of `size` w×h sees: vehicle lengths along each ray,
// positive away from the camera, within ±0.03. `seen`: reference_maps() of the references.
at::Tensor swept_correction(const Surface& surface, const References& references, const at::Tensor& seen,
                            const WarpOptions& options, cv::Size size);

}  // namespace spinfill
