// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core.hpp>

namespace spinfill {

// What one photograph, or its mirror image, shows of a view: carried onto the surface and from there into the view.
struct CarriedSource {
  cv::Mat colour;  // CV_32FC3 straight sRGB in [0,1]
  cv::Mat weight;  // CV_32FC1 ≥ 0: 0 where it does not show the surface
};

// Moves the sources of one view, all of one size, onto each other before they are blended: where the true surface does
// not lie where the hull has it, each carries the same detail to another place, and their blend would show it twice.
// Dense optical flow (Kroeger et al. 2016, Fast Optical Flow using Dense Inverse Search) between every two of them, on
// grey values of equal local contrast, says how far apart they are; each moves to the mean place, weighted as the
// sources are (Eisemann et al. 2008, Floating Textures, §4.1). Flow that does not lead back to where it came from, or
// further than a twentieth of the width, moves nothing. Where sources show different things even then, the one that
// shows most thereabouts is kept and the others yield; the sum of the weights stays. Replaces colour and weight of
// each. The same for any number of threads; from the first call on OpenCV works with one of its own in this process, as
// its flow depends on their number.
void align_sources(std::vector<CarriedSource>& sources);

}  // namespace spinfill
