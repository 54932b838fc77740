// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/geometric_consistency.h"

#include <Eigen/Geometry>
#include <Eigen/LU>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/opencv_threads.h"
#include "geometry/angles.h"
#include "metrics/distinct.h"

namespace spinfill {
namespace {

constexpr int kLongest = 1024;          // px of the vehicle's box where features are found
constexpr double kSurroundings = 0.05;  // of the box, round it
constexpr double kEdge = 0.008;         // of the longer side: the outline is no point of the body
constexpr float kRatio = 0.8F;
constexpr double kOneCentre = 1e-9;  // vehicle lengths between cameras that are one

cv::Rect vehicle_box(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return cv::boundingRect(alpha >= 128);
}

// From pixels to the direction that they are seen in, camera axes (geometry/camera.h).
Eigen::Matrix3d direction_of_pixel(const Camera& camera) {
  Eigen::Matrix3d m;
  m << 1 / camera.fl_x, 0, -camera.cx / camera.fl_x, 0, -1 / camera.fl_y, camera.cy / camera.fl_y, 0, 0, -1;
  return m;
}

Eigen::Vector3d centre_of(const Camera& camera) {
  return camera.vehicle_from_camera.topRightCorner<3, 1>();
}
Eigen::Vector3d ray_of(const Camera& camera, const Eigen::Vector2d& pixel) {
  return (camera.vehicle_from_camera.topLeftCorner<3, 3>() * direction_of_pixel(camera) * pixel.homogeneous())
      .normalized();
}

// Whether both cameras can see a point of the vehicle.
bool seen_by_both(const Eigen::Vector3d& point, const Camera& a, const Camera& b) {
  Eigen::Vector3d middle = centre_of(a).normalized() + centre_of(b).normalized();
  middle.z() = 0;
  return point.dot(middle.normalized()) >= kLeastFacing && point.norm() <= kMostRadius;  // false where not finite
}

// The nearest view on either side, at most kNeighbouringDeg away.
std::vector<const Frame*> neighbours(const std::vector<Frame>& given, double azimuth_deg) {
  std::array<const Frame*, 2> nearest{};
  for (const Frame& frame : given) {
    const double apart = apart_deg(frame.azimuth_deg, azimuth_deg);
    if (!frame.camera || apart > kNeighbouringDeg + 1e-9) continue;
    const bool ahead = apart_deg(frame.azimuth_deg, azimuth_deg + 90) <= apart_deg(frame.azimuth_deg, azimuth_deg - 90);
    const Frame*& best = nearest[ahead ? 0 : 1];
    if (best == nullptr || apart < apart_deg(best->azimuth_deg, azimuth_deg)) best = &frame;
  }
  std::vector<const Frame*> out;
  for (const Frame* frame : nearest)
    if (frame != nullptr) out.push_back(frame);
  return out;
}

// For each feature of a the index of the one of b that is clearly nearest, or −1.
std::vector<int> clearly_nearest(const cv::Mat& a, const cv::Mat& b) {
  std::vector<int> nearest(static_cast<std::size_t>(a.rows), -1);
  if (a.rows == 0 || b.rows < 2) return nearest;
  std::vector<std::vector<cv::DMatch>> found;
  cv::BFMatcher(cv::NORM_L2).knnMatch(a, b, found, 2);
  for (const auto& two : found) {
    if (two.size() == 2 && two[0].distance < kRatio * two[1].distance)
      nearest[static_cast<std::size_t>(two[0].queryIdx)] = two[0].trainIdx;
  }
  return nearest;
}

}  // namespace

Eigen::Matrix3d fundamental_matrix(const Camera& a, const Camera& b) {
  const Eigen::Matrix4d b_from_a = b.vehicle_from_camera.inverse() * a.vehicle_from_camera;
  const Eigen::Vector3d t = b_from_a.topRightCorner<3, 1>();
  if (t.norm() < kOneCentre) return Eigen::Matrix3d::Zero();
  Eigen::Matrix3d cross;
  cross << 0, -t.z(), t.y(), t.z(), 0, -t.x(), -t.y(), t.x(), 0;
  return direction_of_pixel(b).transpose() * cross * b_from_a.topLeftCorner<3, 3>() * direction_of_pixel(a);
}

double epipolar_distance(const Eigen::Matrix3d& fundamental, const Eigen::Vector2d& a, const Eigen::Vector2d& b) {
  const Eigen::Vector3d in_b = fundamental * a.homogeneous(), in_a = fundamental.transpose() * b.homogeneous();
  const double residual = std::abs(b.homogeneous().dot(in_b));
  const double slope = std::min(in_b.head<2>().norm(), in_a.head<2>().norm());
  return slope > 0 ? residual / slope : std::numeric_limits<double>::infinity();
}

Eigen::Vector3d meeting_point(const Camera& a, const Eigen::Vector2d& in_a, const Camera& b,
                              const Eigen::Vector2d& in_b) {
  const Eigen::Vector3d between = centre_of(b) - centre_of(a), ray_a = ray_of(a, in_a), ray_b = ray_of(b, in_b);
  const double cosine = ray_a.dot(ray_b), spread = 1 - cosine * cosine;
  const double along_a = (between.dot(ray_a) - cosine * between.dot(ray_b)) / spread,
               along_b = (cosine * between.dot(ray_a) - between.dot(ray_b)) / spread;
  return (centre_of(a) + along_a * ray_a + centre_of(b) + along_b * ray_b) / 2;  // parallel: not finite
}

Features features_of(const cv::Mat& rgba) {
  if (rgba.type() != CV_8UC4) fail("features: needs an 8-bit RGBA picture");
  use_one_opencv_thread();
  const cv::Rect box = vehicle_box(rgba);
  Features out;
  if (box.empty()) return out;
  const int margin = static_cast<int>(std::ceil(kSurroundings * std::max(box.width, box.height)));
  const cv::Rect crop = cv::Rect(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin) &
                        cv::Rect(0, 0, rgba.cols, rgba.rows);
  cv::Mat colours = premultiplied(rgba(crop));
  const double shrink = std::min(1.0, static_cast<double>(kLongest) / std::max(box.width, box.height));
  if (shrink < 1) cv::resize(colours, colours, {}, shrink, shrink, cv::INTER_AREA);
  cv::Mat grey(colours.size(), CV_8UC1), covered(colours.size(), CV_8UC1);
  for (int y = 0; y < colours.rows; ++y) {
    const auto* from = colours.ptr<cv::Vec4f>(y);
    for (int x = 0; x < colours.cols; ++x) {
      const float luma = 0.299F * from[x][0] + 0.587F * from[x][1] + 0.114F * from[x][2] + 1 - from[x][3];
      grey.at<uchar>(y, x) = cv::saturate_cast<uchar>(255 * luma);
      covered.at<uchar>(y, x) = from[x][3] >= 0.5F ? 255 : 0;
    }
  }
  const int edge = std::max(1, static_cast<int>(std::lround(kEdge * shrink * std::max(box.width, box.height))));
  cv::erode(covered, covered, cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * edge + 1, 2 * edge + 1}), {-1, -1}, 1,
            cv::BORDER_CONSTANT, cv::Scalar::all(0));
  std::vector<cv::KeyPoint> points;
  cv::SIFT::create()->detectAndCompute(grey, covered, points, out.descriptors);
  const double across = static_cast<double>(crop.width) / colours.cols,
               down = static_cast<double>(crop.height) / colours.rows;
  for (const cv::KeyPoint& point : points)  // of pixels' centres; ours are at one half
    out.at.emplace_back(crop.x + (point.pt.x + 0.5) * across, crop.y + (point.pt.y + 0.5) * down);
  return out;
}

FeatureMatches count_matches(const Features& a, const Camera& of_a, const Features& b, const Camera& of_b,
                             double within) {
  const std::vector<int> to_b = clearly_nearest(a.descriptors, b.descriptors),
                         to_a = clearly_nearest(b.descriptors, a.descriptors);
  const Eigen::Matrix3d fundamental = fundamental_matrix(of_a, of_b);
  FeatureMatches out;
  for (std::size_t i = 0; i < to_b.size(); ++i) {
    if (to_b[i] < 0 || to_a[static_cast<std::size_t>(to_b[i])] != static_cast<int>(i)) continue;
    ++out.matches;
    const Eigen::Vector2d &in_a = a.at[i], &in_b = b.at[static_cast<std::size_t>(to_b[i])];
    if (epipolar_distance(fundamental, in_a, in_b) <= within &&
        seen_by_both(meeting_point(of_a, in_a, of_b, in_b), of_a, of_b))
      ++out.inliers;
  }
  return out;
}

ConsistencyOfView geometric_consistency(const PhotoSample& sample, int slot, const std::vector<cv::Mat>& all,
                                        const cv::Mat& truth) {
  const Frame* asked = sample.set.missing_at(slot);
  if (asked == nullptr || !asked->camera) fail("{}: the view {}° has no camera", sample.set.id, azimuth_of(slot));
  const cv::Rect box = vehicle_box(truth);
  const double within = kConsistentWithin * std::max(box.width, box.height);
  const Features of_truth = features_of(truth);
  std::vector<cv::Mat> pictures;
  const Distinct kinds = distinct_pictures(all, pictures);
  std::vector<Features> of_pictures;
  for (const cv::Mat& picture : pictures) of_pictures.push_back(features_of(picture));
  ViewConsistency view;
  std::vector<FeatureMatches> matches(pictures.size());
  for (const Frame* given : neighbours(sample.set.frames, asked->azimuth_deg)) {
    ++view.views;
    const Features of_given = features_of(sample.pictures[static_cast<std::size_t>(given->slot())]);
    const auto add = [&](FeatureMatches& to, const Features& from) {
      const FeatureMatches more = count_matches(from, *asked->camera, of_given, *given->camera, within);
      to.matches += more.matches;
      to.inliers += more.inliers;
    };
    add(view.photograph, of_truth);
    for (std::size_t m = 0; m < pictures.size(); ++m) add(matches[m], of_pictures[m]);
  }
  if (view.views == 0) {
    view.absent = fmt::format("no given view within {:.0f}°", kNeighbouringDeg);
  } else if (view.photograph.matches < kFewestMatches) {
    view.absent =
        fmt::format("the photograph itself has {} matches with its {} given neighbours within {:.0f}°, of {} needed",
                    view.photograph.matches, view.views, kNeighbouringDeg, kFewestMatches);
  }
  if (!matches.empty()) view.model = matches.front();
  ConsistencyOfView out{view, {}};
  for (const FeatureMatches& of : of_all(kinds, matches))
    out.scores.push_back(view.absent.empty() ? consistency_score(of) : std::numeric_limits<double>::quiet_NaN());
  return out;
}

}  // namespace spinfill
