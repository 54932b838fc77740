// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "data/sets/transforms_fields.h"
#include "data/sets/view_set.h"

namespace spinfill {

// Other tools write cameras in the frame of their scene: of any origin, scale and heading. Only the vehicle's frame
// (geometry/camera.h) tells azimuths, so these functions find out which one it is.

// A frame of transforms.json as far as it is read: its camera, if it is whole, and whether an azimuth is stated.
struct PlacedFrame {
  Frame* frame;
  TransformsFields* fields;
  bool states_azimuth;
};

// Reports fields by which a matrix means something else than docs/data.md says, and takes the cameras away.
void refuse_other_axes(TransformsFields& set, std::vector<PlacedFrame>& frames);

// Gives frames that state none the azimuth of their camera. Where the file bears another tool's marks, or the cameras
// do not see the origin, that is reported instead: such a frame's azimuth becomes NaN.
void settle_azimuths(const Json& root, std::vector<PlacedFrame>& frames);

// Reports cameras that contradict the vehicle's frame, and takes them away.
void refuse_other_frames(std::vector<PlacedFrame>& frames);

}  // namespace spinfill
