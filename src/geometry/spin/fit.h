// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "geometry/hull/silhouette.h"
#include "geometry/spin/cameras.h"

namespace spinfill {

// Cameras of a photographed spin from silhouettes and rough azimuths alone.

struct SpinView {
  const Silhouette* silhouette = nullptr;
  double azimuth_deg = 0;  // as stated
  bool trusted = true;     // false: its silhouette carves nothing and its edge counts for nothing
};

struct SpinFitOptions {
  SpinSpread spread = studio_spread();
  double noise = 0.01;  // lengths: how far symmetry and masks are off at mirrors, turned wheels, open windows
  int most_iterations = 30;
};

struct SpinFit {
  SpinCameras cameras;
  std::vector<ViewCorrection> views;
  // Of the data under this spread (Laplace's approximation; MacKay 1992, "Bayesian interpolation", eq. 2.5), natural
  // logarithm, up to a constant common to all spreads: the greater, the better the spread fits.
  double evidence = 0;
  std::vector<double> miss;   // per view: mean length by which its edge points' rays miss the other views' cones
  std::vector<double> blame;  // per view: share of all others' cost that goes when its silhouette carves nothing
  // How much of the prior variance the silhouettes took away, in [0,1]: common elevation and distance; mean of the
  // views' scale, shift, roll, azimuth and elevation.
  struct Determined {
    double elevation = 0, distance = 0, scale = 0, shift = 0, roll = 0, azimuth = 0, view_elevation = 0;
  } determined;
};

// Silhouette coherence (Hernández, Schmitt & Cipolla 2007, "Silhouette coherence for camera calibration under circular
// motion"): the ray of an edge point of one silhouette must meet the visual hull of all others and, the vehicle being
// symmetric, of all mirrored ones. Residual per edge point: the greatest value along its ray of the least signed
// distance to these silhouettes, where negative; Cauchy loss; Gaussian priors; Levenberg–Marquardt (Ceres).
// Fails where there are no views. Deterministic.
SpinFit fit_spin(const std::vector<SpinView>& views, const SpinFitOptions& options);

}  // namespace spinfill
