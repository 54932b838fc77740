// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "data/sets/transforms_fields.h"
#include "geometry/camera.h"

namespace spinfill {

// What transforms.json states of a picture's size and lens, in the set or in a frame.
struct Lens {
  std::optional<double> width, height;  // px, whole numbers
  std::optional<double> fl_x, fl_y;     // px
  std::optional<double> fov_x, fov_y;   // radians: the focal length where fl_x, fl_y are absent
  std::optional<double> cx, cy;         // px; absent: the middle
  bool usable = true;                   // false: something of it was wrong and reported
};

// One declaration of the fields and their ranges for both levels: what a frame states overrides its set's. A lens that
// is no pinhole (camera_model, distortion) is reported.
Lens read_lens(TransformsFields& fields, const Lens& of_set);

// Reports what these fields say of the lens that cannot be true of pictures of this size: fl_x beside a camera_angle_x
// that contradicts it, numbers that are shares of the picture's size.
void check_lens(TransformsFields& fields, Lens& lens, int width, int height);

// The intrinsics of pictures of this size; nothing where no focal length is stated.
std::optional<Camera> pinhole(const Lens& lens, int width, int height);

}  // namespace spinfill
