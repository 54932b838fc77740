// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/ground_reflection.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/letterbox.h"
#include "data/priors/surface_maps.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

constexpr int kRenderedWidth = 512;   // px; what a floor shows is soft
constexpr double kFadeHeight = 0.16;  // vehicle lengths above the ground at which 1/e is left
constexpr double kBlur = 0.05;        // standard deviation per height above the ground
constexpr double kSteps = 4;          // pictures of different softness

}  // namespace

struct GroundReflection::State {
  References references;
  Hull hull;
  at::Tensor maps;
  WarpOptions options;
  double ground_z = 0;

  // Along the rays of the camera mirrored in the ground: colour and coverage [H,W,4] premultiplied, and height above
  // the ground.
  struct Seen {
    cv::Mat rgba, height;
  };
  Seen look(const Camera& camera) const;
};

GroundReflection::GroundReflection(const std::vector<PhotoView>& views, int width, int height, double ground_z)
    : state_(std::make_unique<State>()) {
  const at::NoGradGuard no_grad;
  if (views.empty()) fail("a reflection needs at least one view");
  const PriorInputs in = photo_inputs(
      views, {width, height}, [&](std::size_t v) { return rgba_planes(premultiplied(*views[v].picture)); },
      [&](std::size_t v) { return *views[v].frame->camera; });
  State& own = *state_;
  own.references =
      gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  const PriorConfig config = photo_priors(2 * width);
  own.hull = carve_hull(own.references, hull_options(config));
  own.options = warp_options(config);
  own.ground_z = ground_z;
  const Surface seen = march(own.hull, own.references.vehicle_from_camera, own.references.intrinsics, height, width);
  if (seen.point.size(1) == 0) fail("the views' masks have nothing in common: no reflection can be made of them");
  own.maps = reference_maps(seen, own.references, std::ssize(views), height, width);
}

GroundReflection::~GroundReflection() = default;

GroundReflection::State::Seen GroundReflection::State::look(const Camera& camera) const {
  // z → 2·ground − z.
  Eigen::Matrix4d mirror = Eigen::Matrix4d::Identity();
  mirror(2, 2) = -1;
  mirror(2, 3) = 2 * ground_z;
  Camera below = camera;
  below.vehicle_from_camera = mirror * camera.vehicle_from_camera;
  CameraTensors placed(1, 1);
  placed.put(0, 0, below);
  const std::int64_t height = camera.height, width = camera.width;
  const Surface surface = march(hull, placed.vehicle_from_camera, placed.intrinsics, height, width);
  Seen out{cv::Mat(camera.height, camera.width, CV_32FC4, cv::Scalar::all(0)),
           cv::Mat(camera.height, camera.width, CV_32FC1, cv::Scalar::all(0))};
  if (surface.point.size(1) == 0) return out;
  const Warped warped = warp_colour(surface, hull.slack(), references, maps, false, options);
  const at::Tensor known = (warped.confidence * surface.coverage).unsqueeze(2),
                   above = (surface.point.select(2, 2) - ground_z).clamp_min(0).unsqueeze(2);
  const at::Tensor values = at::cat({warped.colour.clamp(0, 1) * known, surface.coverage.unsqueeze(2), above}, 2);
  const at::Tensor planes = surface.pixels.maps(values.to(at::kFloat), 1, height, width)[0][0];  // [5,H,W]
  out.rgba = mat_of(planes.narrow(0, 0, 4));
  out.height = mat_of(planes.narrow(0, 4, 1));
  return out;
}

cv::Mat GroundReflection::seen_from(const Camera& camera, double strength) const {
  const at::NoGradGuard no_grad;
  const double ground = state_->ground_z;
  cv::Mat out(camera.height, camera.width, CV_32FC4, cv::Scalar::all(0));
  if (camera.vehicle_from_camera(2, 3) <= ground) return out;
  const int width = std::min(kRenderedWidth, camera.width);
  const Camera small =
      resized(camera, width, std::max(2, static_cast<int>(std::lround(double(width) * camera.height / camera.width))));
  const State::Seen seen = state_->look(small);
  // The higher a place the softer: between pictures that are blurred by 0, 1, 2 … steps.
  const Eigen::Vector3d eye = small.vehicle_from_camera.topRightCorner<3, 1>();
  const double most = kBlur * 4 * kFadeHeight * small.fl_x / std::max(0.1, eye.norm());  // px
  std::vector<cv::Mat> soft{seen.rgba};
  for (int i = 1; i <= kSteps; ++i) {
    soft.emplace_back();
    cv::GaussianBlur(seen.rgba, soft.back(), {}, std::max(0.05, most * i / kSteps));
  }
  cv::Mat height;
  cv::GaussianBlur(seen.height, height, {}, std::max(0.05, most));
  cv::Mat mixed(seen.rgba.size(), CV_32FC4);
  const Eigen::Matrix3d turn = small.vehicle_from_camera.topLeftCorner<3, 3>();
  for (int y = 0; y < mixed.rows; ++y) {
    for (int x = 0; x < mixed.cols; ++x) {
      const double above = std::max(height.at<float>(y, x), seen.height.at<float>(y, x));
      const double level = std::clamp(kSteps * above / (4 * kFadeHeight), 0.0, kSteps - 1e-6);
      const auto low = static_cast<std::size_t>(level);
      const auto part = static_cast<float>(level - std::floor(level));
      const Eigen::Vector3d ray =
          (turn * Eigen::Vector3d((x + 0.5 - small.cx) / small.fl_x, -(y + 0.5 - small.cy) / small.fl_y, -1))
              .normalized();
      const double fresnel = strength + (1 - strength) * std::pow(1 - std::min(1.0, std::abs(ray.z())), 5);
      const double thrown = ray.z() < 0 ? std::min(1.0, fresnel) * std::exp(-above / kFadeHeight) : 0;
      mixed.at<cv::Vec4f>(y, x) = static_cast<float>(thrown) * ((1 - part) * soft[low].at<cv::Vec4f>(y, x) +
                                                                part * soft[low + 1].at<cv::Vec4f>(y, x));
    }
  }
  cv::resize(mixed, out, out.size(), 0, 0, cv::INTER_CUBIC);
  return cv::max(cv::min(out, 1), 0);
}

}  // namespace spinfill
