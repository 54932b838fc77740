// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/fit.h"

#include <cmath>

#include <ceres/tiny_solver.h>
#include <Eigen/Dense>

#include "core/error.h"
#include "core/statistics.h"
#include "geometry/angles.h"
#include "geometry/spin/coherence.h"

namespace spinfill {

namespace {

constexpr int kShared = Coherence::kShared, kPerView = Coherence::kPerView;
constexpr double kUsualWidth = 0.42;  // of a vehicle, lengths

// From the boxes around the silhouettes.
struct Start {
  double scale, axis_u, axis_v;
};
Start start_of(const std::vector<SpinView>& views) {
  std::vector<double> scales, us, vs;
  for (const SpinView& view : views) {
    const double azimuth = view.azimuth_deg * kDegree;
    const Eigen::Vector2d low = view.silhouette->low(), high = view.silhouette->high();
    scales.push_back((high.x() - low.x()) / (std::abs(std::sin(azimuth)) + kUsualWidth * std::abs(std::cos(azimuth))));
    us.push_back((low.x() + high.x()) / 2);
    vs.push_back((low.y() + high.y()) / 2);
  }
  return {median(scales), median(us), median(vs)};
}

// SpinFit::evidence and ::determined. In units of the prior the Hessian is JᵀJ, the prior's own identity included.
void judge(const Coherence& coherence, const Eigen::VectorXd& x, std::size_t views, SpinFit& fit) {
  Eigen::VectorXd residuals(coherence.NumResiduals());
  Eigen::MatrixXd jacobian(coherence.NumResiduals(), coherence.NumParameters());
  coherence(x.data(), residuals.data(), jacobian.data());
  const Eigen::LLT<Eigen::MatrixXd> hessian(jacobian.transpose() * jacobian);
  fit.evidence = -0.5 * residuals.squaredNorm() - hessian.matrixLLT().diagonal().array().log().sum();
  const Eigen::VectorXd left =
      hessian.solve(Eigen::MatrixXd::Identity(x.size(), x.size())).diagonal();  // of the prior's variance
  SpinFit::Determined& known = fit.determined;
  known.elevation = 1 - left[0];
  known.distance = 1 - left[1];
  for (std::size_t i = 0; i < views; ++i) {
    const auto q = static_cast<Eigen::Index>(kShared + kPerView * i);
    const double share = 1 / static_cast<double>(views);
    known.scale += share * (1 - left[q]);
    known.shift += share * (1 - (left[q + 1] + left[q + 2]) / 2);
    known.roll += share * (1 - left[q + 3]);
    known.azimuth += share * (1 - left[q + 4]);
    known.view_elevation += share * (1 - left[q + 5]);
  }
}

}  // namespace

SpinFit fit_spin(const std::vector<SpinView>& views, const SpinFitOptions& options) {
  if (views.empty()) fail("spin: no views");
  const Start start = start_of(views);
  const Coherence coherence(views, options, start.scale, start.axis_u, start.axis_v);
  ceres::TinySolver<Coherence> solver;
  solver.options.max_num_iterations = options.most_iterations;
  solver.options.function_tolerance = 1e-3;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(coherence.NumParameters());
  solver.Solve(coherence, &x);
  if (!x.allFinite()) fail("the masks do not fit together: are their azimuths right?");

  SpinFit fit;
  const std::vector<double> p = coherence.physical(x.data());
  fit.cameras.scale = start.scale;
  fit.cameras.axis_v = start.axis_v;
  fit.cameras.elevation = p[0];
  fit.cameras.closeness = p[1];
  fit.cameras.axis_u = p[2];
  fit.cameras.axis_y = p[3];
  for (std::size_t i = 0; i < views.size(); ++i) {
    const double* q = p.data() + kShared + kPerView * i;
    fit.views.push_back({q[0], q[1], q[2], q[3], q[4], q[5]});
    fit.miss.push_back(coherence.mean_miss(x.data(), i));
  }
  for (std::size_t j = 0; j < views.size(); ++j) {
    std::vector<SpinView> rest = views;
    rest[j].trusted = false;
    const Coherence without(rest, options, start.scale, start.axis_u, start.axis_v);
    const double cost = coherence.cost_of_others(x.data(), j);
    fit.blame.push_back(cost > 0 ? 1 - without.cost_of_others(x.data(), j) / cost : 0);
  }
  judge(coherence, x, views.size(), fit);
  return fit;
}

}  // namespace spinfill
