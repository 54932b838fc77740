// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <opencv2/core/mat.hpp>

#include "geometry/spin/stabilise.h"

namespace spinfill {

// A piece of a picture's mask that none of the others shows: something behind or beside the vehicle.
struct StrayPiece {
  cv::Mat share;    // CV_32F in [0,1] of the picture's size: how much of each pixel is not the vehicle's
  double area = 0;  // share of the mask; 0: there is none, and `share` is empty
};

// For each of a spin's pictures; trusted ones (SpinPicture) alone are compared and looked at, five at least. A pixel is
// stray where its ray meets no point, in a box about the vehicle, that all other masks but one in seven (one at least)
// cover, not even 2 % of the vehicle's length beside it; a piece reaches from there over what any of the others
// excludes, 3 % of the length far. Left are: a few pixels, such as an aerial's; what begins in the lower third of the
// mask's height, since what stands behind on the ground is seen above the vehicle's wheels, which cameras that are a
// little off move most; what rises above the rest of its mask, which may be a windscreen that the others have lost;
// what is stray at one place in a third of the pictures (two at least), some of them from across each other (25 to 155
// degrees); more than 15 % of a mask. None where `miss`, by which the masks fit together (Stabilisation), is above .8
// %: nobody can tell then which of them are wrong. cameras: vehicle frame, px of the pictures. Deterministic.
std::vector<StrayPiece> stray_pieces(const std::vector<SpinPicture>& pictures, const std::vector<Camera>& cameras,
                                     double miss);

}  // namespace spinfill
