// SPDX-License-Identifier: Apache-2.0
#include "data/photo/mirror_view.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>
#include <opencv2/imgproc.hpp>

#include "data/photo/local_structure.h"
#include "data/pictures/letterbox.h"
#include "geometry/angles.h"

namespace spinfill {
namespace {

constexpr double kCoincide = 7 * kDegree;  // angle between rays at which a share falls to 1/e
constexpr double kLeastMirrorShare = 0.02;
constexpr double kSmoothSurface = 0.01;  // radius, as a share of the width

Eigen::Vector3d eye_of(const Camera& camera) {
  return camera.vehicle_from_camera.block<3, 1>(0, 3);
}

// How nearly two cameras see the vehicle's middle along one ray.
double coincidence(const Camera& a, const Camera& b) {
  const Eigen::Vector3d from = eye_of(a), to = eye_of(b);
  const double angle = std::atan2(from.cross(to).norm(), from.dot(to)) / kCoincide;
  return std::exp(-angle * angle);
}

Eigen::Vector3d ray_through(const Camera& camera, double x, double y) {
  const Eigen::Vector3d ray((x - camera.cx) / camera.fl_x, -(y - camera.cy) / camera.fl_y, -1);
  return (camera.vehicle_from_camera.topLeftCorner<3, 3>() * ray).normalized();
}

// The distance everywhere: beyond the hull that of its nearest pixel, `otherwise` where there is no hull.
cv::Mat continued(const cv::Mat& distance, double otherwise) {
  if (cv::countNonZero(distance > 0) == 0) return cv::Mat(distance.size(), CV_32F, cv::Scalar(otherwise));
  cv::Mat beyond, away, nearest;
  cv::Mat(distance <= 0).convertTo(beyond, CV_8U);
  cv::distanceTransform(beyond, away, nearest, cv::DIST_L2, 5, cv::DIST_LABEL_PIXEL);
  std::vector<float> of_label(1, 0.F);
  for (int y = 0; y < distance.rows; ++y)
    for (int x = 0; x < distance.cols; ++x) {
      if (beyond.at<unsigned char>(y, x) != 0) continue;
      const auto label = static_cast<std::size_t>(nearest.at<int>(y, x));
      if (of_label.size() <= label) of_label.resize(label + 1, 0.F);
      of_label[label] = distance.at<float>(y, x);
    }
  cv::Mat out(distance.size(), CV_32F);
  for (int y = 0; y < out.rows; ++y)
    for (int x = 0; x < out.cols; ++x)
      out.at<float>(y, x) = of_label.at(static_cast<std::size_t>(nearest.at<int>(y, x)));
  return blurred(out, kSmoothSurface * out.cols);
}

// Px inside the outline where coverage passes ½, negative outside.
cv::Mat signed_distance(const cv::Mat& coverage) {
  constexpr float kFull = 0.98F, kNone = 0.02F;
  cv::Mat inside, outside;
  cv::distanceTransform(coverage >= kFull, inside, cv::DIST_L2, 5);
  cv::distanceTransform(coverage <= kNone, outside, cv::DIST_L2, 5);
  cv::Mat out(coverage.size(), CV_32F);
  for (int y = 0; y < out.rows; ++y)
    for (int x = 0; x < out.cols; ++x) {
      const float in = inside.at<float>(y, x), off = outside.at<float>(y, x);
      out.at<float>(y, x) = in > 0 ? in - 0.5F : off > 0 ? 0.5F - off : coverage.at<float>(y, x) - 0.5F;
    }
  return out;
}

}  // namespace

std::optional<MirrorView> mirror_view_of(const std::vector<PhotoView>& views, std::size_t given, const Camera& camera) {
  std::optional<MirrorView> best;
  double direct = 0;
  for (std::size_t v = 0; v < given; ++v) {
    const Camera other = mirrored(*views[v].frame->camera);
    const double share = coincidence(other, camera);
    if (!best || share > best->share) best = {v, other, share};
    direct = std::max(direct, coincidence(*views[v].frame->camera, camera));
  }
  if (!best) return std::nullopt;
  best->share *= 1 - direct;
  if (best->share < kLeastMirrorShare) return std::nullopt;
  return best;
}

cv::Rect2d mirrored_box(const MirrorView& mirror, const cv::Mat& rgba, const Camera& camera) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  cv::Rect box = cv::boundingRect(alpha >= 128);
  if (box.empty()) return {};
  box.x = rgba.cols - box.x - box.width;
  const double away = eye_of(mirror.camera).norm();
  cv::Rect2d out;
  for (const double x : {box.x, box.x + box.width})
    for (const double y : {box.y, box.y + box.height}) {
      const Eigen::Vector2d to = project(camera, eye_of(mirror.camera) + away * ray_through(mirror.camera, x, y));
      const cv::Rect2d corner(to.x(), to.y(), 1e-9, 1e-9);
      out = out.empty() ? corner : out | corner;
    }
  return out;
}

MirroredPicture mirrored_picture(const MirrorView& mirror, const cv::Mat& rgba, const Camera& camera,
                                 const cv::Mat& distance) {
  cv::Mat flipped, places(distance.size(), CV_32FC2), shown;
  cv::flip(premultiplied(rgba), flipped, 1);
  const Eigen::Vector3d eye = eye_of(camera);
  const cv::Mat along = continued(distance, eye.norm());
  for (int y = 0; y < places.rows; ++y)
    for (int x = 0; x < places.cols; ++x) {
      const Eigen::Vector3d point = eye + along.at<float>(y, x) * ray_through(camera, x + 0.5, y + 0.5);
      const Eigen::Vector2d to = project(mirror.camera, point);
      places.at<cv::Vec2f>(y, x) = {static_cast<float>(to.x() - 0.5), static_cast<float>(to.y() - 0.5)};
    }
  cv::remap(flipped, shown, places, cv::noArray(), cv::INTER_CUBIC, cv::BORDER_CONSTANT);
  MirroredPicture out{cv::Mat(shown.size(), CV_32FC3), cv::Mat(shown.size(), CV_32FC1)};
  for (int y = 0; y < shown.rows; ++y)
    for (int x = 0; x < shown.cols; ++x) {
      const cv::Vec4f& from = shown.at<cv::Vec4f>(y, x);
      const float alpha = std::clamp(from[3], 0.F, 1.F);
      out.coverage.at<float>(y, x) = alpha;
      for (int c = 0; c < 3; ++c)
        out.colour.at<cv::Vec3f>(y, x)[c] = std::clamp(from[c] / std::max(alpha, 1e-3F), 0.F, 1.F);
    }
  return out;
}

cv::Mat outline_between(const cv::Mat& first, const cv::Mat& second, double share) {
  const cv::Mat mean = (1 - share) * signed_distance(first) + share * signed_distance(second);
  return cv::min(cv::max(mean + 0.5, 0), 1);
}

}  // namespace spinfill
