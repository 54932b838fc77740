// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "data/sets/transforms_fields.h"
#include "geometry/camera.h"

namespace spinfill {

// k1 k2 p1 p2 k3 k4 k5 k6 of OpenCV's rational model (docs.opencv.org, "Camera calibration and 3D reconstruction"):
// what a lens does to the pinhole's picture.
using Distortion = std::array<double, 8>;

// What transforms.json states of a picture's size and lens, in the set or in a frame.
struct Lens {
  std::optional<double> width, height;  // px, whole numbers
  std::optional<double> fl_x, fl_y;     // px
  std::optional<double> fov_x, fov_y;   // radians: the focal length where fl_x, fl_y are absent
  std::optional<double> cx, cy;         // px; absent: the middle
  Distortion distortion{};              // where it is read
  bool usable = true;                   // false: something of it was wrong and reported
};

// One declaration of the fields and their ranges for both levels: what a frame states overrides its set's. A lens that
// is no pinhole is reported: a camera_model of a fish-eye or panorama, and distortion unless it is to be read.
enum class DistortedLenses { refused, read };
Lens read_lens(TransformsFields& fields, const Lens& of_set, DistortedLenses distorted = DistortedLenses::refused);

// Reports what these fields say of the lens that cannot be true of pictures of this size: fl_x beside a camera_angle_x
// that contradicts it, numbers that are shares of the picture's size.
void check_lens(TransformsFields& fields, Lens& lens, int width, int height);

// The intrinsics of pictures of this size; nothing where no focal length is stated.
std::optional<Camera> pinhole(const Lens& lens, int width, int height);

}  // namespace spinfill
