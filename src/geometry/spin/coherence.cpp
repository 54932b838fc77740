// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/coherence.h"

#include <algorithm>
#include <cmath>

#include <ceres/jet.h>

#include "geometry/angles.h"

namespace spinfill {

namespace {

constexpr double kReach = 0.8;  // lengths: the vehicle lies within this on both sides of the axis
constexpr int kDepths = 33;     // points looked at along a ray
constexpr double kUsualElevation = 7 * kDegree, kElevationSpread = 6 * kDegree;
constexpr double kUsualCloseness = 0.2, kClosenessSpread = 0.4;  // of its logarithm
constexpr double kNever = -1e3;                                  // lengths: no point is so far outside

}  // namespace

Coherence::Coherence(const std::vector<SpinView>& views, const SpinFitOptions& options, double scale, double axis_u,
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

std::vector<double> Coherence::physical(const double* x) const {
  std::vector<double> p(mean_.size());
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = mean_[i] + width_[i] * x[i];
  p[1] = std::exp(std::clamp(p[1], std::log(0.02), std::log(0.7)));
  return p;
}

bool Coherence::operator()(const double* x, double* residuals, double* jacobian) const {
  const std::vector<double> p = physical(x);
  const Poses poses = poses_of(p);
  const int rows = NumResiduals(), columns = NumParameters();
  if (jacobian != nullptr) std::fill(jacobian, jacobian + static_cast<std::ptrdiff_t>(rows) * columns, 0.0);
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (!views_[i].trusted) continue;
    const auto& contour = views_[i].silhouette->contour();
    int killer = 0;
    for (std::size_t k = 0; k < contour.size(); ++k) {
      const int row = first_[i] + static_cast<int>(k);
      const Miss miss = miss_of({poses, 1 / p[1], i, contour[k]}, killer);
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

double Coherence::mean_miss(const double* x, std::size_t view) const {
  const std::vector<double> p = physical(x);
  const auto& contour = views_[view].silhouette->contour();
  double sum = 0;
  for (const double miss : misses(p, poses_of(p), view)) sum += miss;
  return contour.empty() ? 0 : sum / static_cast<double>(contour.size());
}

double Coherence::cost_of_others(const double* x, std::size_t except) const {
  const std::vector<double> p = physical(x);
  const Poses poses = poses_of(p);
  double sum = 0;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (i == except || !views_[i].trusted) continue;
    for (const double miss : misses(p, poses, i)) sum += std::log1p(std::pow(miss / options_.noise, 2));
  }
  return sum;
}

Coherence::Poses Coherence::poses_of(const std::vector<double>& p) const {
  Poses poses;
  for (std::size_t i = 0; i < views_.size(); ++i)
    poses.push_back(pose_of(p.data(), p.data() + kShared + kPerView * i, azimuth(i), scale_, axis_v_));
  return poses;
}

// The miss of each edge point, ≥ 0, lengths.
std::vector<double> Coherence::misses(const std::vector<double>& p, const Poses& poses, std::size_t view) const {
  std::vector<double> out;
  int killer = 0;
  for (const auto& point : views_[view].silhouette->contour())
    out.push_back(std::max(0.0, -miss_of({poses, 1 / p[1], view, point}, killer).value));
  return out;
}

double Coherence::azimuth(std::size_t view) const {
  return views_[view].azimuth_deg * kDegree;
}

double Coherence::look(const Poses& poses, int lookup, const double* point) const {
  const auto j = static_cast<std::size_t>(lookup / 2);
  const double seen[3] = {point[0], lookup % 2 == 1 ? -point[1] : point[1], point[2]};
  double u, v;
  picture_of(poses[j], seen, u, v);
  return views_[j].silhouette->distance(u, v) / scale_;
}

// The least distance at a point of a ray, unless it falls below `enough`. `killer`: the silhouette that gave it, looked
// at first the next time.
double Coherence::least(const EdgeRay& ray, double towards, double enough, int& killer) const {
  double point[3];
  ray.point(towards, point);
  double low = usable(killer, ray.view) ? look(ray.poses, killer, point) : 1e3;
  if (low < enough) return low;
  const int last = killer;
  for (int l = 0; l < 2 * static_cast<int>(views_.size()); ++l) {
    if (l == last || !usable(l, ray.view)) continue;
    const double d = look(ray.poses, l, point);
    if (d >= low) continue;
    low = d;
    killer = l;
    if (low < enough) break;
  }
  return low;
}

bool Coherence::usable(int lookup, std::size_t view) const {
  return lookup != 2 * static_cast<int>(view) && views_[static_cast<std::size_t>(lookup / 2)].trusted;
}

Coherence::Miss Coherence::miss_of(const EdgeRay& ray, int& killer) const {
  Miss miss;
  constexpr double kStep = 2 * kReach / (kDepths - 1);
  // From the middle outwards: most rays meet the vehicle there, and one that does is done.
  for (int s = 0; s < kDepths; ++s) {
    const double towards = (s % 2 == 0 ? 1 : -1) * ((s + 1) / 2) * kStep;
    const double value = least(ray, towards, miss.value, killer);
    if (value > miss.value) miss.value = value, miss.towards = towards;
    if (miss.value >= 0) return miss;
  }
  climb(ray, killer, kStep, miss);
  mix_gradients(ray, miss);
  return miss;
}

// Climbs the tent (the least of rising and falling functions) to its top within a step of miss.towards: golden section.
void Coherence::climb(const EdgeRay& ray, int& killer, double step, Miss& miss) const {
  constexpr double kGolden = 0.6180339887498949;
  const auto at = [&](double towards) { return least(ray, towards, kNever, killer); };
  double low = miss.towards - step, high = miss.towards + step;
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  double at_a = at(a), at_b = at(b);
  for (int s = 0; s < 16; ++s) {
    if (at_a < at_b) {
      low = a, a = b, at_a = at_b;
      at_b = at(b = low + kGolden * (high - low));
    } else {
      high = b, b = a, at_b = at_a;
      at_a = at(a = high - kGolden * (high - low));
    }
  }
  miss.towards = (low + high) / 2;
  miss.value = at(miss.towards);
}

// The slopes along the ray of the silhouettes that meet at its highest point; their gradients mix so that the slope
// vanishes.
void Coherence::mix_gradients(const EdgeRay& ray, Miss& miss) const {
  constexpr double kNear = 4e-3;
  double slopes[2] = {0, 0}, values[2] = {1e3, 1e3};
  int lookups[2] = {-1, -1};  // the lowest of those that rise and of those that fall
  double before[3], after[3], point[3];
  ray.point(miss.towards - kNear, before);
  ray.point(miss.towards + kNear, after);
  ray.point(miss.towards, point);
  for (int l = 0; l < 2 * static_cast<int>(views_.size()); ++l) {
    if (!usable(l, ray.view)) continue;
    const double d = look(ray.poses, l, point);
    const double slope = (look(ray.poses, l, after) - look(ray.poses, l, before)) / (2 * kNear);
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
}

// Adds factor × the gradient of one silhouette's distance at the ray's point to a row of the Jacobian.
void Coherence::add_gradient(const double* p, std::size_t i, const Eigen::Vector2d& picture, double towards, int lookup,
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

}  // namespace spinfill
