// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "geometry/spin/fit.h"
#include "geometry/spin/pose.h"

namespace spinfill {

// The cost that fit_spin minimises, as Ceres' TinySolver takes it. Parameters: elevation, logarithm of closeness,
// axis u and y of the turntable, then six per view as in ViewCorrection, all in standard deviations of their priors.
// Residuals: one per edge point of the trusted views, then the parameters themselves.
class Coherence {
 public:
  using Scalar = double;
  enum { NUM_RESIDUALS = Eigen::Dynamic, NUM_PARAMETERS = Eigen::Dynamic };
  static constexpr int kShared = 4, kPerView = 6;  // parameters

  // views and options outlive it. scale, axis_v: of SpinCameras, fixed; axis_u: its prior's mean.
  Coherence(const std::vector<SpinView>& views, const SpinFitOptions& options, double scale, double axis_u,
            double axis_v);

  int NumResiduals() const { return points_ + NumParameters(); }
  int NumParameters() const { return static_cast<int>(mean_.size()); }

  // In units of SpinCameras (closeness itself, not its logarithm) and ViewCorrection.
  std::vector<double> physical(const double* x) const;

  // The Jacobian [residuals, parameters] column by column; null: not asked for.
  bool operator()(const double* x, double* residuals, double* jacobian) const;

  // Mean miss of a view's edge points, lengths.
  double mean_miss(const double* x, std::size_t view) const;

  // Cost of the edges of all trusted views but one.
  double cost_of_others(const double* x, std::size_t except) const;

 private:
  using Poses = std::vector<Pose<double>>;

  // By how much the ray of an edge point passes through the others' cones (positive) or misses them, and the one or
  // two silhouettes that decide it: lookup 2·j is view j, 2·j + 1 its mirror image.
  struct Miss {
    double value = -1e3, towards = 0;
    int lookup[2] = {0, 0};
    double share[2] = {1, 0};  // of their gradients
  };
  // The ray of a view's edge point.
  struct EdgeRay {
    const Poses& poses;
    double distance;
    std::size_t view;
    const Eigen::Vector2d& picture;

    void point(double towards, double* to) const { point_at(poses[view], distance, picture, towards, to); }
  };

  Poses poses_of(const std::vector<double>& p) const;
  std::vector<double> misses(const std::vector<double>& p, const Poses& poses, std::size_t view) const;
  double azimuth(std::size_t view) const;
  double look(const Poses& poses, int lookup, const double* point) const;
  double least(const EdgeRay& ray, double towards, double enough, int& killer) const;
  bool usable(int lookup, std::size_t view) const;
  Miss miss_of(const EdgeRay& ray, int& killer) const;
  void climb(const EdgeRay& ray, int& killer, double step, Miss& miss) const;
  void mix_gradients(const EdgeRay& ray, Miss& miss) const;
  void add_gradient(const double* p, std::size_t i, const Eigen::Vector2d& picture, double towards, int lookup,
                    double factor, double* row, std::ptrdiff_t rows) const;

  const std::vector<SpinView>& views_;
  const SpinFitOptions& options_;
  double scale_, axis_v_;
  std::vector<double> mean_, width_;
  std::vector<int> first_;  // each view's first row
  int points_ = 0;
};

}  // namespace spinfill
