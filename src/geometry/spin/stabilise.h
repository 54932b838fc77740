// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "geometry/camera.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/spin/box_framing.h"
#include "geometry/spin/fit.h"

namespace spinfill {

// Cameras of a photographed spin in the vehicle frame, from the references' masks and rough azimuths alone, and what
// the cameras of views that nobody photographed would be.

struct SpinPicture {
  at::Tensor alpha;        // [H,W] float32 coverage; all pictures of a spin have one size
  double azimuth_deg = 0;  // as stated, right to about 10°
  bool trusted = true;     // false: takes no part; its camera is predicted from the others
  std::string name = {};   // what notes call it, such as its file's; empty: by its azimuth
};

struct StabilisedView {
  double azimuth_deg = 0;  // corrected, [0, 360)
  double elevation_deg = 0;
  ViewCorrection correction;  // against the common turntable and the stated azimuth
  Camera camera;              // vehicle frame, px of the pictures
  // false: the mask contradicts all others, or fits them only from an azimuth more than 15° from the stated one; the
  // camera is predicted from them
  bool trusted = true;
  double miss = 0;  // mean length by which edge points' rays miss the other views' cones, vehicle lengths
};

struct Stabilisation {
  std::vector<StabilisedView> views;  // of the references, in their order
  SpinFit::Determined determined;
  bool hand_held = false;                  // which spread explains the photographs better; false: a studio's
  double elevation_deg = 0, distance = 0;  // of the common turntable, vehicle lengths
  double miss = 0;                         // mean over the trusted views
  // In [0,1]: share of the prior uncertainty of scale, azimuth and elevation that the silhouettes took away, times
  // 1/(1 + (miss/0.01)²).
  double confidence = 0;
  std::vector<std::string> notes;     // what a user should know: a mask that does not fit, a corrected azimuth, …
  std::vector<std::string> warnings;  // what is probably wrong: an azimuth that is not believed

  // The view at a stated azimuth, predicted from the references. Where photographs were taken by hand and one of them
  // shows the vehicle's other side from there (15° off at most), it has that one's camera, mirrored in Y = 0 and turned
  // by what it is off: the other errors of that camera are then the same on both sides, so that its picture, mirrored,
  // lies on the hull where the view sees it. Else predict_correction(), and where all photographs are cut to the
  // vehicle's box the hull's box lies there in this one, too.
  StabilisedView predict(double stated_azimuth_deg) const;
  ViewCorrection predicted_correction(double stated_azimuth_deg) const;  // predict_correction() of those trusted
  // Fills in azimuth, elevation and camera of a view whose correction is known.
  void finish(StabilisedView& view, double stated_azimuth_deg) const;

  // From the turntable's frame to the vehicle's: x ↦ (x − origin) / length.
  SpinCameras turntable;
  std::vector<double> stated_azimuths_deg;
  Eigen::Vector3d origin = Eigen::Vector3d::Zero();
  double length = 1;
  int width = 0, height = 0;
  std::optional<BoxFraming> framing;  // of the trusted ones, where taken by hand and cut to the vehicle's box
  Hull hull;                          // of the trusted ones, in the turntable's frame
};

// Fails (exit 3) where there is no picture, none is trusted or a mask is empty. Deterministic; two threads at most.
Stabilisation stabilise(const std::vector<SpinPicture>& references);

}  // namespace spinfill
