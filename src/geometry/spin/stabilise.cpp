// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/stabilise.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <Eigen/Geometry>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "geometry/angles.h"
#include "geometry/camera_tensors.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/spin/checked_fit.h"

namespace spinfill {

namespace {

constexpr double kWorthSaying = 5;        // degrees by which an azimuth is corrected
constexpr std::size_t kEnoughViews = 5;   // references: fewer determine little
constexpr std::int64_t kHullWidth = 256;  // px
constexpr double kShowsLength = 0.35;     // |sin azimuth| from which a silhouette bounds the hull's length
constexpr double kMirrorView = 15;        // degrees, stated: photographs that far from the mirror view stand for it

// Lowest and highest coordinate at which the hull's distance passes 0, per axis.
struct Extent {
  Eigen::Vector3d low, high;
};
Extent extent_of(const Hull& hull) {
  const at::Tensor d = hull.distance[0][0];  // [Z,Y,X]
  Extent extent;
  for (int axis = 0; axis < 3; ++axis) {
    // The greatest distance in each slice across the axis changes its sign at the hull's ends.
    const int other[2] = {axis == 2 ? 1 : 0, axis == 0 ? 1 : 2};  // dimensions of [Z,Y,X] that are not the axis'
    const at::Tensor most = d.amax({other[0], other[1]}).to(at::kDouble).contiguous();
    const double* m = most.const_data_ptr<double>();
    const std::int64_t n = most.numel();
    const double centre = hull.centre[0][axis].item<double>(), half = hull.half[0][axis].item<double>();
    const auto place = [&](double i) { return centre + half * ((i + 0.5) * 2 / static_cast<double>(n) - 1); };
    std::int64_t first = 0, last = n - 1;
    while (first < n && m[first] <= 0) ++first;
    while (last >= 0 && m[last] <= 0) --last;
    if (first > last) fail("stabilise: the masks have no vehicle in common; are their azimuths right?");
    extent.low[axis] = place(first > 0 ? static_cast<double>(first) - m[first] / (m[first] - m[first - 1]) : -0.5);
    extent.high[axis] = place(last + 1 < n ? static_cast<double>(last) + m[last] / (m[last] - m[last + 1])
                                           : static_cast<double>(n) - 0.5);
  }
  return extent;
}

Hull hull_of(const std::vector<SpinPicture>& pictures, const Stabilisation& result) {
  const auto width = std::min<std::int64_t>(kHullWidth, result.width);
  const std::int64_t height =
      std::max<std::int64_t>(2, std::lround(static_cast<double>(result.height) * width / result.width));
  std::vector<at::Tensor> alphas;
  const auto n = static_cast<std::int64_t>(pictures.size());
  CameraTensors cameras(1, n);
  at::Tensor trusted = at::empty({1, n}, at::kBool);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    alphas.push_back(
        at::adaptive_avg_pool2d(pictures[k].alpha.view({1, 1, result.height, result.width}), {height, width})
            .view({1, height, width}));
    const StabilisedView& view = result.views[k];
    cameras.put(
        0, i,
        resized(result.turntable.camera(result.stated_azimuths_deg[k], view.correction, result.width, result.height),
                static_cast<int>(width), static_cast<int>(height)));
    trusted[0][i] = view.trusted;
  }
  const at::Tensor alpha = at::stack(alphas).unsqueeze(0);  // [1,R,1,h,w]
  const References references = gather_references(at::zeros({1, n, 3, height, width}), alpha, at::zeros({1, 3}),
                                                  trusted, cameras.vehicle_from_camera, cameras.intrinsics);
  HullOptions options;
  options.sections = true;
  return carve_hull(references, options);
}

bool shows_length(const Stabilisation& result) {
  for (std::size_t i = 0; i < result.views.size(); ++i) {
    const double azimuth = result.stated_azimuths_deg[i] * kDegree + result.views[i].correction.azimuth;
    if (result.views[i].trusted && std::abs(std::sin(azimuth)) > kShowsLength) return true;
  }
  return false;
}

void place_in_vehicle_frame(const std::vector<SpinPicture>& pictures, Stabilisation& result) {
  result.hull = hull_of(pictures, result);
  const Extent extent = extent_of(result.hull);
  result.origin = (extent.low + extent.high) / 2;
  result.origin.y() = 0;
  result.length = (extent.high - extent.low).maxCoeff();
  if (shows_length(result)) return;
  // Fronts and backs alone leave the hull open: the turntable's unit is a usual vehicle's length already.
  result.origin.x() = 0;
  result.length = 1;
  result.notes.push_back("no view shows the vehicle's length: a usual one is assumed");
}

std::string called(const SpinPicture& picture) {
  return picture.name.empty() ? fmt::format("the view at {:.4g} degrees", picture.azimuth_deg) : picture.name;
}

void take_over(const CheckedFit& checked, const std::vector<SpinView>& views, Stabilisation& result) {
  const SpinFit& fit = checked.fit;
  result.hand_held = checked.hand_held;
  result.notes = checked.notes;
  result.warnings = checked.warnings;
  result.turntable = fit.cameras;
  result.determined = fit.determined;
  result.miss = checked.miss;
  for (std::size_t i = 0; i < views.size(); ++i) {
    StabilisedView view;
    view.correction = fit.views[i];
    view.trusted = views[i].trusted;
    view.miss = fit.miss[i];
    result.views.push_back(view);
  }
  for (std::size_t i = 0; i < views.size(); ++i)
    if (!views[i].trusted) result.views[i].correction = result.predicted_correction(views[i].azimuth_deg);
}

void note_turned(const std::vector<SpinPicture>& references, Stabilisation& result) {
  for (std::size_t i = 0; i < references.size(); ++i) {
    const StabilisedView& view = result.views[i];
    if (view.trusted && std::abs(view.correction.azimuth / kDegree) > kWorthSaying)
      result.notes.push_back(fmt::format("{}: its mask shows the vehicle from {:.0f} degrees rather than from {:.0f}",
                                         called(references[i]), view.azimuth_deg, references[i].azimuth_deg));
  }
}

void note_few(std::size_t count, Stabilisation& result) {
  if (count >= kEnoughViews) return;
  const SpinFit::Determined& known = result.determined;
  result.notes.push_back(
      fmt::format("{} views determine little: {:.0f} % of the azimuths' uncertainty is gone, {:.0f} % of the "
                  "elevation's, {:.0f} % of the distance's",
                  count, 100 * known.azimuth, 100 * known.elevation, 100 * known.distance));
}

// The trusted view that is nearest to the mirror view of a stated azimuth, and how far the azimuth is from it.
struct NearMirrorView {
  const StabilisedView* view = nullptr;  // none within kMirrorView
  double turn = kMirrorView;             // degrees
};
NearMirrorView near_mirror_view(const Stabilisation& spin, double stated_azimuth_deg) {
  NearMirrorView nearest;
  for (std::size_t i = 0; i < spin.views.size(); ++i) {
    const double stated = spin.stated_azimuths_deg[i], turn = turn_deg(stated_azimuth_deg, -stated);
    // Near 0° and 180° a photograph is its own mirror view.
    const bool itself = apart_deg(stated_azimuth_deg, stated) <= std::abs(turn);
    if (!spin.views[i].trusted || itself || std::abs(turn) > std::abs(nearest.turn)) continue;
    nearest = {&spin.views[i], turn};
  }
  return nearest;
}

}  // namespace

ViewCorrection Stabilisation::predicted_correction(double stated_azimuth_deg) const {
  std::vector<ViewCorrection> seen;
  std::vector<double> azimuths;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!views[i].trusted) continue;
    seen.push_back(views[i].correction);
    azimuths.push_back(stated_azimuths_deg[i]);
  }
  return predict_correction(seen, azimuths, stated_azimuth_deg);
}

StabilisedView Stabilisation::predict(double stated_azimuth_deg) const {
  StabilisedView view;
  view.correction = predicted_correction(stated_azimuth_deg);
  const auto [other, turn] = hand_held ? near_mirror_view(*this, stated_azimuth_deg) : NearMirrorView{};
  if (other == nullptr) {
    if (framing)
      view.correction = framed_by_box(*framing, hull, turntable, stated_azimuth_deg, view.correction, width, height);
    finish(view, stated_azimuth_deg);
    return view;
  }
  ViewCorrection& by = view.correction;
  by = other->correction;
  for (double ViewCorrection::*odd : {&ViewCorrection::shift_x, &ViewCorrection::roll, &ViewCorrection::azimuth})
    by.*odd = -(by.*odd);
  view.camera = mirrored(other->camera);
  const Eigen::Matrix3d turned = Eigen::AngleAxisd(turn * kDegree, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  view.camera.vehicle_from_camera.topRows<3>() = (turned * view.camera.vehicle_from_camera.topRows<3>()).eval();
  view.azimuth_deg = wrapped_deg(stated_azimuth_deg + by.azimuth / kDegree);
  view.elevation_deg = other->elevation_deg;
  return view;
}

void Stabilisation::finish(StabilisedView& view, double stated_azimuth_deg) const {
  view.azimuth_deg = std::fmod(stated_azimuth_deg + view.correction.azimuth / kDegree + 720, 360);
  view.elevation_deg = (turntable.elevation + view.correction.elevation) / kDegree;
  view.camera = turntable.camera(stated_azimuth_deg, view.correction, width, height);
  Eigen::Matrix4d& pose = view.camera.vehicle_from_camera;
  pose.block<3, 1>(0, 3) = (pose.block<3, 1>(0, 3) - origin) / length;
}

Stabilisation stabilise(const std::vector<SpinPicture>& references) {
  const at::NoGradGuard no_grad;
  if (std::ranges::none_of(references, &SpinPicture::trusted)) fail("stabilise: there is no picture");
  Stabilisation result;
  result.height = static_cast<int>(references.front().alpha.size(0));
  result.width = static_cast<int>(references.front().alpha.size(1));
  std::vector<Silhouette> silhouettes;
  std::vector<SpinView> views;
  silhouettes.reserve(references.size());
  for (const SpinPicture& picture : references) {
    if (picture.alpha.sizes() != references.front().alpha.sizes()) fail("stabilise: pictures of unlike sizes");
    silhouettes.emplace_back(picture.alpha);
    views.push_back({&silhouettes.back(), picture.azimuth_deg, picture.trusted});
    result.stated_azimuths_deg.push_back(picture.azimuth_deg);
  }
  std::vector<std::string> names;
  for (const SpinPicture& picture : references) names.push_back(called(picture));
  const CheckedFit checked = checked_fit(views, names);
  take_over(checked, views, result);
  place_in_vehicle_frame(references, result);
  std::vector<const Silhouette*> trusted;
  for (const SpinView& view : views)
    if (view.trusted) trusted.push_back(view.silhouette);
  if (result.hand_held) result.framing = box_framing(trusted);
  for (std::size_t i = 0; i < views.size(); ++i) result.finish(result.views[i], views[i].azimuth_deg);
  const SpinFit::Determined& known = result.determined;
  const double share = (known.elevation + known.scale + known.azimuth) / 3;
  result.confidence = share / (1 + std::pow(result.miss / 0.01, 2));
  result.elevation_deg = result.turntable.elevation / kDegree;
  result.distance = 1 / (result.turntable.closeness * result.length);
  note_turned(references, result);
  note_few(references.size(), result);
  return result;
}

}  // namespace spinfill
