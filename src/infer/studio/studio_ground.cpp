// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/studio_ground.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr double kMostOff = 0.05;       // of a picture's height: more is no estimate's error
constexpr double kUnderPolished = 0.5;  // of the shadow

GroundShadow shadow_of(const std::vector<StudioView>& views) {
  std::vector<cv::Mat> masks;
  std::vector<Camera> cameras;
  for (const StudioView* view : views_for_hull(views)) {
    masks.push_back(view->mask);
    cameras.push_back(*view->frame.camera);
  }
  return {masks, cameras};
}

// The camera moved up or down by what its estimate is off, so that the ground begins where the tyres of this view end.
Camera standing_at(double bottom, Camera camera, const GroundShadow& shadow) {
  const double most = kMostOff * camera.height;
  camera.cy += std::clamp(bottom - shadow.contact_row(camera), -most, most);
  return camera;
}

}  // namespace

StudioGround::StudioGround(const ViewSet& set, const std::vector<StudioView>& views, const StudioGroundOptions& options)
    : options_(options) {
  if (options.kind == StudioGroundKind::none) return;
  shadow_.emplace(shadow_of(views));
  if (options.kind != StudioGroundKind::reflection) return;
  options_.shadow *= kUnderPolished;
  const SmallViews small(set, views_for_hull(views));
  reflection_.emplace(small.views, small.width, small.height, shadow_->ground_z());
}

cv::Mat StudioGround::under(const cv::Mat& vehicle, const Camera& camera, double bottom,
                            const StudioBackground& background) const {
  const bool clear = background.transparent();
  cv::Mat ground(vehicle.size(), CV_32FC4, cv::Scalar::all(0));  // premultiplied
  if (!clear) cv::cvtColor(background.picture(camera), ground, cv::COLOR_RGB2RGBA);
  cv::Mat darkness(vehicle.size(), CV_32F, cv::Scalar(0)), mirror;
  if (shadow_) {
    const Camera standing = standing_at(bottom, camera, *shadow_);
    darkness = options_.shadow * shadow_->darkness(standing);
    if (reflection_) mirror = reflection_->seen_from(standing, options_.reflection);
  }
  for (int y = 0; y < vehicle.rows; ++y) {
    for (int x = 0; x < vehicle.cols; ++x) {
      auto& pixel = ground.at<cv::Vec4f>(y, x);
      const auto& over = vehicle.at<cv::Vec4f>(y, x);
      const float dark = darkness.at<float>(y, x);
      if (!mirror.empty()) pixel = mirror.at<cv::Vec4f>(y, x) + (1 - mirror.at<cv::Vec4f>(y, x)[3]) * pixel;
      pixel *= 1 - dark;
      pixel[3] += dark;
      pixel = over + (1 - over[3]) * pixel;
    }
  }
  if (clear) return straight(ground);
  cv::Mat bytes;
  ground.convertTo(bytes, CV_8UC4, 255);
  return bytes;
}

}  // namespace spinfill
