// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ceres/jet.h>
#include <ceres/tiny_solver.h>
#include <Eigen/Dense>

#include "core/error.h"
#include "core/statistics.h"
#include "geometry/angles.h"

namespace spinfill {

namespace {

constexpr int kShared = 4, kPerView = 6;  // free parameters
constexpr double kReach = 0.8;            // lengths to both sides of the axis in which the vehicle lies
constexpr int kDepths = 33;               // looked at along a ray
constexpr double kUsualElevation = 7 * kDegree, kElevationSpread = 6 * kDegree;
constexpr double kUsualCloseness = 0.2, kClosenessSpread = 0.4;  // of its logarithm
constexpr double kUsualWidth = 0.42;                             // of a vehicle, lengths

// A view's pinhole camera with any number type.
template <class T>
struct Pose {
  T eye[3], right[3], up[3], backward[3];
  T focal, u, v;  // shares of the width
};

// shared: elevation, closeness, axis u, axis y; view: as ViewCorrection.
template <class T>
Pose<T> pose_of(const T* shared, const T* view, double azimuth, double scale, double axis_v) {
  using std::cos, std::exp, std::sin;
  const T theta = view[4] + azimuth, phi = shared[0] + view[5];
  const T ct = cos(theta), st = sin(theta), cp = cos(phi), sp = sin(phi), cr = cos(view[3]), sr = sin(view[3]);
  const T right[3] = {-st, ct, T(0.0)}, up[3] = {-sp * ct, -sp * st, cp};
  Pose<T> pose;
  const T distance = 1.0 / shared[1];
  for (int i = 0; i < 3; ++i) {
    pose.right[i] = cr * right[i] - sr * up[i];
    pose.up[i] = sr * right[i] + cr * up[i];
  }
  pose.backward[0] = cp * ct, pose.backward[1] = cp * st, pose.backward[2] = sp;
  for (int i = 0; i < 3; ++i) pose.eye[i] = distance * pose.backward[i];
  pose.eye[1] += shared[3];
  pose.focal = exp(view[0]) * scale * distance;
  pose.u = shared[2] + view[1];
  pose.v = view[2] + axis_v;
  return pose;
}

// The point that a picture point shows at a depth `towards` in front of the axis.
template <class T>
void point_at(const Pose<T>& pose, const T& distance, const Eigen::Vector2d& picture, double towards, T* point) {
  const T z = distance - towards;
  const T x = (picture.x() - pose.u) / pose.focal, y = (pose.v - picture.y()) / pose.focal;
  for (int i = 0; i < 3; ++i) point[i] = pose.eye[i] + z * (x * pose.right[i] + y * pose.up[i] - pose.backward[i]);
}

template <class T>
void picture_of(const Pose<T>& pose, const T* point, T& u, T& v) {
  T x = T(0.0), y = T(0.0), z = T(0.0);
  for (int i = 0; i < 3; ++i) {
    const T d = point[i] - pose.eye[i];
    x += d * pose.right[i];
    y += d * pose.up[i];
    z -= d * pose.backward[i];
  }
  u = pose.u + pose.focal * x / z;
  v = pose.v - pose.focal * y / z;
}

class Coherence {
 public:
  using Scalar = double;
  enum { NUM_RESIDUALS = Eigen::Dynamic, NUM_PARAMETERS = Eigen::Dynamic };

  Coherence(const std::vector<SpinView>& views, const SpinFitOptions& options, double scale, double axis_u,
            double axis_v)
      : views_(views), options_(options), scale_(scale), axis_v_(axis_v) {
    const SpinSpread& s = options.spread;
    mean_ = {kUsualElevation, std::log(kUsualCloseness), axis_u, 0};
    width_ = {kElevationSpread, kClosenessSpread, 0.05, 0.05};
    for (std::size_t i = 0; i < views.size(); ++i) {
      mean_.insert(mean_.end(), kPerView, 0.0);
      width_.insert(width_.end(), {s.log_scale, s.shift, s.shift, s.roll, s.azimuth, s.elevation});
    }
    for (std::size_t i = 0; i < views.size(); ++i) {
      first_.push_back(points_);
      if (views[i].trusted) points_ += static_cast<int>(views[i].silhouette->contour().size());
    }
  }

  int NumResiduals() const { return points_ + NumParameters(); }
  int NumParameters() const { return static_cast<int>(mean_.size()); }

  // Parameters in standard deviations of their priors → physical.
  std::vector<double> physical(const double* x) const {
    std::vector<double> p(mean_.size());
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = mean_[i] + width_[i] * x[i];
    p[1] = std::exp(std::clamp(p[1], std::log(0.02), std::log(0.7)));
    return p;
  }

  bool operator()(const double* x, double* residuals, double* jacobian) const {
    const std::vector<double> p = physical(x);
    const std::vector<Pose<double>> poses = poses_of(p);
    const int rows = NumResiduals(), columns = NumParameters();
    if (jacobian != nullptr) std::fill(jacobian, jacobian + static_cast<std::ptrdiff_t>(rows) * columns, 0.0);
    for (std::size_t i = 0; i < views_.size(); ++i) {
      if (!views_[i].trusted) continue;
      const auto& contour = views_[i].silhouette->contour();
      int killer = 0;
      for (std::size_t k = 0; k < contour.size(); ++k) {
        const int row = first_[i] + static_cast<int>(k);
        const Miss miss = miss_of(poses, 1 / p[1], i, contour[k], killer);
        const double r = miss.value / options_.noise;
        // Cauchy: ½ log(1 + r²) as the square of one number.
        const double s = 1 + r * r, f = -std::sqrt(std::log(s));
        residuals[row] = r < 0 ? f : 0;
        if (jacobian == nullptr || !(r < 0)) continue;
        const double slope = f < -1e-9 ? r / (s * f) : 1;
        for (int a = 0; a < 2; ++a) {
          if (miss.share[a] <= 0) continue;
          add_gradient(p.data(), i, contour[k], miss.towards, miss.lookup[a], slope * miss.share[a] / options_.noise,
                       jacobian + row, rows);
        }
      }
    }
    for (int c = 0; c < columns; ++c) {
      residuals[points_ + c] = x[c];
      if (jacobian != nullptr) jacobian[static_cast<std::ptrdiff_t>(c) * rows + points_ + c] = 1;
    }
    return true;
  }

  // Mean miss of a view's edge points, lengths.
  double mean_miss(const double* x, std::size_t view) const {
    const std::vector<double> p = physical(x);
    const auto& contour = views_[view].silhouette->contour();
    double sum = 0;
    for (const double miss : misses(p, poses_of(p), view)) sum += miss;
    return contour.empty() ? 0 : sum / static_cast<double>(contour.size());
  }

  // Of the edges of all trusted views but one.
  double cost_of_others(const double* x, std::size_t except) const {
    const std::vector<double> p = physical(x);
    const std::vector<Pose<double>> poses = poses_of(p);
    double sum = 0;
    for (std::size_t i = 0; i < views_.size(); ++i) {
      if (i == except || !views_[i].trusted) continue;
      for (const double miss : misses(p, poses, i)) sum += std::log1p(std::pow(miss / options_.noise, 2));
    }
    return sum;
  }

 private:
  // By how much the ray of an edge point passes through the others' cones (positive) or misses them, and the one or
  // two silhouettes that decide it: lookup 2·j is view j, 2·j + 1 its mirror image.
  struct Miss {
    double value = -1e3, towards = 0;
    int lookup[2] = {0, 0};
    double share[2] = {1, 0};  // of their gradients
  };

  std::vector<Pose<double>> poses_of(const std::vector<double>& p) const {
    std::vector<Pose<double>> poses;
    for (std::size_t i = 0; i < views_.size(); ++i)
      poses.push_back(pose_of(p.data(), p.data() + kShared + kPerView * i, azimuth(i), scale_, axis_v_));
    return poses;
  }

  // Of each edge point, ≥ 0, lengths.
  std::vector<double> misses(const std::vector<double>& p, const std::vector<Pose<double>>& poses,
                             std::size_t view) const {
    std::vector<double> out;
    int killer = 0;
    for (const auto& point : views_[view].silhouette->contour())
      out.push_back(std::max(0.0, -miss_of(poses, 1 / p[1], view, point, killer).value));
    return out;
  }

  double azimuth(std::size_t i) const { return views_[i].azimuth_deg * kDegree; }

  double look(const std::vector<Pose<double>>& poses, int lookup, const double* point) const {
    const auto j = static_cast<std::size_t>(lookup / 2);
    const double seen[3] = {point[0], lookup % 2 == 1 ? -point[1] : point[1], point[2]};
    double u, v;
    picture_of(poses[j], seen, u, v);
    return views_[j].silhouette->distance(u, v) / scale_;
  }

  // The least distance at a point, unless it falls below `enough`.
  double least(const std::vector<Pose<double>>& poses, std::size_t i, const double* point, double enough,
               int& killer) const {
    double low = usable(killer, i) ? look(poses, killer, point) : 1e3;
    if (low < enough) return low;
    const int last = killer;
    for (int l = 0; l < 2 * static_cast<int>(views_.size()); ++l) {
      if (l == last || !usable(l, i)) continue;
      const double d = look(poses, l, point);
      if (d >= low) continue;
      low = d;
      killer = l;
      if (low < enough) break;
    }
    return low;
  }

  bool usable(int lookup, std::size_t i) const {
    return lookup != 2 * static_cast<int>(i) && views_[static_cast<std::size_t>(lookup / 2)].trusted;
  }

  static constexpr double kNever = -1e3;  // lengths: no point is so far outside

  Miss miss_of(const std::vector<Pose<double>>& poses, double distance, std::size_t i, const Eigen::Vector2d& picture,
               int& killer) const {
    Miss miss;
    double point[3];
    const auto at = [&](double towards, double enough) {
      point_at(poses[i], distance, picture, towards, point);
      return least(poses, i, point, enough, killer);
    };
    constexpr double kStep = 2 * kReach / (kDepths - 1);
    // From the middle outwards: most rays meet the vehicle there, and one that does is done.
    for (int s = 0; s < kDepths; ++s) {
      const double towards = (s % 2 == 0 ? 1 : -1) * ((s + 1) / 2) * kStep, value = at(towards, miss.value);
      if (value > miss.value) miss.value = value, miss.towards = towards;
      if (miss.value >= 0) return miss;
    }
    // The top of a tent (the least of functions that rise and fall), by golden sections.
    constexpr double kGolden = 0.6180339887498949;
    double low = miss.towards - kStep, high = miss.towards + kStep;
    double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    double at_a = at(a, kNever), at_b = at(b, kNever);
    for (int s = 0; s < 16; ++s) {
      if (at_a < at_b) {
        low = a, a = b, at_a = at_b;
        at_b = at(b = low + kGolden * (high - low), kNever);
      } else {
        high = b, b = a, at_b = at_a;
        at_a = at(a = high - kGolden * (high - low), kNever);
      }
    }
    miss.towards = (low + high) / 2;
    miss.value = at(miss.towards, kNever);
    // The slopes along the ray of the silhouettes that meet there; their gradients mix so that the slope vanishes.
    constexpr double kNear = 4e-3;
    double slopes[2] = {0, 0}, values[2] = {1e3, 1e3};
    int lookups[2] = {-1, -1};  // the lowest of those that rise and of those that fall
    double before[3], after[3];
    point_at(poses[i], distance, picture, miss.towards - kNear, before);
    point_at(poses[i], distance, picture, miss.towards + kNear, after);
    point_at(poses[i], distance, picture, miss.towards, point);
    for (int l = 0; l < 2 * static_cast<int>(views_.size()); ++l) {
      if (!usable(l, i)) continue;
      const double d = look(poses, l, point);
      const double slope = (look(poses, l, after) - look(poses, l, before)) / (2 * kNear);
      const int side = slope > 0 ? 1 : 0;
      if (d < values[side]) values[side] = d, slopes[side] = slope, lookups[side] = l;
    }
    const int first = values[0] <= values[1] ? 0 : 1, second = 1 - first;
    miss.lookup[0] = lookups[first];
    const bool meet = lookups[second] >= 0 && values[second] - values[first] < 0.02;
    const double steep = std::abs(slopes[0]) + std::abs(slopes[1]);
    if (meet && steep > 1e-6) {
      miss.lookup[1] = lookups[second];
      miss.share[0] = std::abs(slopes[second]) / steep;
      miss.share[1] = 1 - miss.share[0];
    }
    return miss;
  }

  // Adds factor × the gradient of one silhouette's distance at the ray's point to a row of the Jacobian.
  void add_gradient(const double* p, std::size_t i, const Eigen::Vector2d& picture, double towards, int lookup,
                    double factor, double* row, std::ptrdiff_t rows) const {
    using Jet = ceres::Jet<double, kShared + 2 * kPerView>;
    const auto j = static_cast<std::size_t>(lookup / 2);
    Jet shared[kShared], mine[kPerView], other[kPerView];
    for (int a = 0; a < kShared; ++a) shared[a] = Jet(p[a], a);
    for (int a = 0; a < kPerView; ++a) {
      mine[a] = Jet(p[kShared + kPerView * i + a], kShared + a);
      other[a] = j == i ? mine[a] : Jet(p[kShared + kPerView * j + a], kShared + kPerView + a);
    }
    const Jet distance = 1.0 / shared[1];
    const Pose<Jet> from = pose_of(shared, mine, azimuth(i), scale_, axis_v_),
                    to = pose_of(shared, other, azimuth(j), scale_, axis_v_);
    Jet point[3], u, v;
    point_at(from, distance, picture, towards, point);
    if (lookup % 2 == 1) point[1] = -point[1];
    picture_of(to, point, u, v);
    Eigen::Vector2d slope;
    views_[j].silhouette->distance(u.a, v.a, slope);
    const auto gradient = (slope.x() * u.v + slope.y() * v.v) * (factor / scale_);
    const auto add = [&](std::size_t column, int from_jet) {
      const double physical_per_unit = column == 1 ? width_[1] * p[1] : width_[column];
      row[static_cast<std::ptrdiff_t>(column) * rows] += gradient[from_jet] * physical_per_unit;
    };
    for (int a = 0; a < kShared; ++a) add(a, a);
    for (int a = 0; a < kPerView; ++a) {
      add(kShared + kPerView * i + a, kShared + a);
      if (j != i) add(kShared + kPerView * j + a, kShared + kPerView + a);
    }
  }

  const std::vector<SpinView>& views_;
  const SpinFitOptions& options_;
  double scale_, axis_v_;
  std::vector<double> mean_, width_;
  std::vector<int> first_;  // each view's first row
  int points_ = 0;
};

}  // namespace

SpinFit fit_spin(const std::vector<SpinView>& views, const SpinFitOptions& options) {
  if (views.empty()) fail("spin: no views");
  std::vector<double> scales, us, vs;
  for (const SpinView& view : views) {
    const double azimuth = view.azimuth_deg * kDegree;
    const Eigen::Vector2d low = view.silhouette->low(), high = view.silhouette->high();
    scales.push_back((high.x() - low.x()) / (std::abs(std::sin(azimuth)) + kUsualWidth * std::abs(std::cos(azimuth))));
    us.push_back((low.x() + high.x()) / 2);
    vs.push_back((low.y() + high.y()) / 2);
  }
  SpinFit fit;
  fit.cameras.scale = median(scales);
  fit.cameras.axis_v = median(vs);
  const Coherence coherence(views, options, fit.cameras.scale, median(us), fit.cameras.axis_v);
  ceres::TinySolver<Coherence> solver;
  solver.options.max_num_iterations = options.most_iterations;
  solver.options.function_tolerance = 1e-3;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(coherence.NumParameters());
  solver.Solve(coherence, &x);
  if (!x.allFinite()) fail("the masks do not fit together: are their azimuths right?");

  const std::vector<double> p = coherence.physical(x.data());
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
    const Coherence without(rest, options, fit.cameras.scale, median(us), fit.cameras.axis_v);
    const double cost = coherence.cost_of_others(x.data(), j);
    fit.blame.push_back(cost > 0 ? 1 - without.cost_of_others(x.data(), j) / cost : 0);
  }

  // In units of the prior the Hessian is JᵀJ, the prior's own identity included.
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
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto q = static_cast<Eigen::Index>(kShared + kPerView * i);
    const double share = 1 / static_cast<double>(views.size());
    known.scale += share * (1 - left[q]);
    known.shift += share * (1 - (left[q + 1] + left[q + 2]) / 2);
    known.roll += share * (1 - left[q + 3]);
    known.azimuth += share * (1 - left[q + 4]);
    known.view_elevation += share * (1 - left[q + 5]);
  }
  return fit;
}

}  // namespace spinfill
