// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core/mat.hpp>

#include "geometry/hull/ray_march.h"

namespace spinfill {

// Lettering, emblems and the like on flanks: the mirror side shows them reversed, or has others.

// How certainly there is lettering, CV_32FC1 in [0,1] of the size of an 8-bit straight RGBA picture of a vehicle: where
// edges across and along lie close together within an oblong window, as strokes of letters do and panels, gaps, sills
// and handles do not. Wheels, lamps and what is seen through windows look alike: flank_panels() leaves them out. The
// scale is the vehicle's: 960 px for the longer side of its box.
cv::Mat lettering_of(const cv::Mat& rgba);

// Where the panels of a flank are, 1 or 0 for each pixel of a surface: [1,P]. The normal points sideways, and the place
// lies below the windows, above the sill and out of the wheels' reach, as these are on most vehicles.
at::Tensor flank_panels(const Surface& surface, const Hull& hull);

}  // namespace spinfill
