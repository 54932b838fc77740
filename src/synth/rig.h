// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/random.h"
#include "geometry/camera.h"
#include "synth/options.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

// Camera set-up of one set: a turntable and how each view departs from it.
struct Rig {
  struct View {
    double azimuth_deg = 0, elevation_deg = 0;  // on top of the turntable's elevation
    Framing framing;
  };
  Turntable turntable;
  std::vector<View> views;
  Camera camera(std::size_t view, int width, int height) const;
};
// Draws elevation and focal length, and the distance at which the vehicle fills the picture as asked for without
// touching the border (2 px free) in any view.
Rig draw_rig(const Model& model, const Box& frame, const SynthOptions& options, Random& random);

}  // namespace spinfill::synth
