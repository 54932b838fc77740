// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "geometry/camera.h"

namespace spinfill {

// A photographed spin: one turntable, and how each photograph departs from it.

// One photograph's departure from the common turntable.
struct ViewCorrection {
  double log_scale = 0;             // of the picture
  double shift_x = 0, shift_y = 0;  // shares of the width, right and down
  double roll = 0;                  // radians, counter-clockwise as the picture shows it
  double azimuth = 0;               // radians, on top of the stated azimuth
  double elevation = 0;             // radians, on top of the common elevation
};

// Predicts the departure of an unseen view at `azimuth_deg` from those of the seen ones: Gaussian-process regression on
// the circle (Rasmussen & Williams 2006, eq. 2.25). Departures are modelled as a constant, one wave per turn (a camera
// that rises and sinks round the spin) and noise; or besides as what both sides of the vehicle have in common, which
// pictures framed by its outline have: scale, shift down and elevation equally, shift to the right and roll oppositely,
// with the waves cos 2θ and sin 2θ. Both models count by their evidence (eq. 5.8, over all scales of the departures).
// Those of the azimuth are a constant, the wave sin 2θ (three-quarter views not taken at 45°) and noise.
ViewCorrection predict_correction(const std::vector<ViewCorrection>& seen, const std::vector<double>& azimuths_deg,
                                  double azimuth_deg);

// The camera with this departure: turned about the vehicle's Z and upwards, then reframed.
Camera departed(const Camera& camera, const ViewCorrection& by);

// How far photographs depart from their turntable: standard deviations, in the units of ViewCorrection.
struct SpinSpread {
  double log_scale, shift, roll, azimuth, elevation;
};
SpinSpread studio_spread();     // a tripod and a turntable
SpinSpread hand_held_spread();  // somebody walks round the vehicle

// Lengths are in units of about the vehicle's length. Frame: axes as the vehicle's, symmetry plane Y = 0, but X = 0 is
// the turntable's axis, so the vehicle's middle may lie in front of or behind the origin.
struct SpinCameras {
  double elevation = 0;           // radians
  double closeness = 0.2;         // 1 / distance
  double scale = 0;               // shares of the picture's width per length, at the axis
  double axis_u = 0, axis_v = 0;  // where the origin lies in the picture, shares of the width, right and down
  double axis_y = 0;              // of the axis, to the vehicle's left of the symmetry plane

  Camera camera(double stated_azimuth_deg, const ViewCorrection& view, int width, int height) const;
};

}  // namespace spinfill
