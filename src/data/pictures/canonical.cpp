// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/canonical.h"

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/statistics.h"
#include "data/pictures/letterbox.h"

namespace spinfill {
namespace {

constexpr double kMargin = 0.02;                  // of the picture's sides
constexpr double kWheelX = 0.3, kWheelY = 0.18;   // of the wheels' outer edges, vehicle lengths
constexpr int kVisible = 13, kHalfCovered = 128;  // of 255

// How a camera frames the vehicle.
struct Pose {
  Eigen::Vector2d centre;  // of the vehicle, px
  Eigen::Vector2d up;      // unit vector, as the picture shows the vehicle's vertical there
  double scale;            // px per vehicle length, across, at the centre
};

Pose pose_of(const Camera& camera) {
  const Eigen::Vector3d origin = (camera.vehicle_from_camera.inverse() * Eigen::Vector4d(0, 0, 0, 1)).head<3>();
  if (!(origin.z() < 0)) fail("a camera does not see the vehicle's centre: correct its transform_matrix");
  Pose pose;
  pose.centre = project(camera, Eigen::Vector3d::Zero());
  const Eigen::Vector2d up = project(camera, Eigen::Vector3d(0, 0, 1e-4)) - pose.centre;
  pose.scale = std::sqrt(camera.fl_x * camera.fl_y) / -origin.z();
  if (up.norm() < 1e-6 * pose.scale) fail("a camera looks straight down on the vehicle: leave that view out");
  pose.up = up.normalized();
  return pose;
}

// Where the wheel nearest to the camera stands.
Eigen::Vector2d contact_point(const Camera& camera, double ground_z) {
  const double azimuth = viewing_direction(camera).azimuth_deg * std::numbers::pi / 180;
  return project(camera,
                 {std::copysign(kWheelX, std::cos(azimuth)), std::copysign(kWheelY, std::sin(azimuth)), ground_z});
}

// Corners of the pixels covered by at least `least`, row by row: enough to know their extent in any direction.
std::vector<Eigen::Vector2d> outline(const cv::Mat& rgba, int least) {
  std::vector<Eigen::Vector2d> points;
  for (int y = 0; y < rgba.rows; ++y) {
    const auto* row = rgba.ptr<cv::Vec4b>(y);
    int left = 0, right = rgba.cols;
    while (left < right && row[left][3] < least) ++left;
    while (right > left && row[right - 1][3] < least) --right;
    if (left == right) continue;
    for (const int x : {left, right})
      for (const int below : {0, 1}) points.emplace_back(x, y + below);
  }
  return points;
}

// The height at which the nearest wheel reaches down to the lowest point of the mask.
double ground_of(const Camera& camera, const cv::Mat& rgba) {
  const std::vector<Eigen::Vector2d> points = outline(rgba, kHalfCovered);
  if (points.empty()) fail("a mask is empty: cut the vehicle out again");
  const Pose pose = pose_of(camera);
  double lowest = -1e9;
  for (const Eigen::Vector2d& point : points) lowest = std::max(lowest, -pose.up.dot(point - pose.centre));
  double low = -1, high = 1;
  for (int i = 0; i < 50; ++i) {
    const double z = (low + high) / 2;
    (-pose.up.dot(contact_point(camera, z) - pose.centre) > lowest ? low : high) = z;
  }
  return (low + high) / 2;
}

}  // namespace

Camera CanonicalSpin::camera(double azimuth_deg) const {
  Camera camera = turntable_camera(turntable, azimuth_deg, width, height);
  camera.cx = centre_u;
  camera.cy = centre_v;
  return camera;
}

double ground_line(const Camera& camera, double ground_z) {
  return contact_point(camera, ground_z).y();
}

Similarity between(const Camera& from, const Camera& to, double ground_z) {
  const Pose a = pose_of(from), b = pose_of(to);
  // The rotation that takes a.up to b.up.
  const double c = a.up.dot(b.up), s = a.up.x() * b.up.y() - a.up.y() * b.up.x();
  Similarity out;
  out.linear << c, -s, s, c;
  out.linear *= b.scale / a.scale;
  const Eigen::Vector2d above = out.linear * (contact_point(from, ground_z) - a.centre);
  const double rise = b.up.dot(contact_point(to, ground_z) - b.centre - above);
  out.offset = b.centre + rise * b.up - out.linear * a.centre;
  return out;
}

cv::Mat onto_canonical(const cv::Mat& rgba, const Camera& from, const Camera& to, double ground_z) {
  if (rgba.type() != CV_8UC4 || rgba.cols != from.width || rgba.rows != from.height) {
    fail("onto_canonical: a picture of {}x{} px does not belong to a camera of {}x{} px", rgba.cols, rgba.rows,
         from.width, from.height);
  }
  const Similarity similarity = between(from, to, ground_z);
  if (to.width == from.width && to.height == from.height && similarity.identity(to.width, to.height))
    return rgba.clone();
  return straight(resample(premultiplied(rgba), similarity, to.width, to.height));
}

Camera carried(const Camera& from, const Camera& to, double ground_z) {
  const Similarity placed = between(from, to, ground_z);
  const double clockwise = std::atan2(placed.linear(1, 0), placed.linear(0, 0));
  Camera out = reframed(from, {placed.scale(), 0, 0, -clockwise});
  const Eigen::Vector2d centre = placed.linear * Eigen::Vector2d(from.cx, from.cy) + placed.offset;
  out.cx = centre.x();
  out.cy = centre.y();
  out.width = to.width;
  out.height = to.height;
  return out;
}

CanonicalSpin canonical_spin(const std::vector<Camera>& cameras, const std::vector<cv::Mat>& masked_pictures) {
  if (cameras.empty() || cameras.size() != masked_pictures.size()) {
    fail("canonical_spin: {} cameras for {} pictures", cameras.size(), masked_pictures.size());
  }
  CanonicalSpin spin;
  spin.width = cameras.front().width;
  spin.height = cameras.front().height;
  std::vector<double> elevations, distances, scales, grounds;
  for (std::size_t i = 0; i < cameras.size(); ++i) {
    const Camera& camera = cameras[i];
    elevations.push_back(viewing_direction(camera).elevation_deg);
    distances.push_back(camera.vehicle_from_camera.block<3, 1>(0, 3).norm());
    scales.push_back(pose_of(camera).scale);
    grounds.push_back(ground_of(camera, masked_pictures[i]));
  }
  spin.turntable = {median(elevations), median(distances), median(scales) * median(distances) / spin.width};
  spin.ground_z = median(grounds);
  spin.centre_u = spin.width / 2.0;

  // All that follows is proportional to the focal length, seen from the principal point.
  double aside = median(scales) / 2, top = 1e9, bottom = -1e9;  // a side view that is yet to come has length 1
  double wanted = 0, below = 0;                                 // mean ground lines
  for (std::size_t i = 0; i < cameras.size(); ++i) {
    const Camera to = spin.camera(viewing_direction(cameras[i]).azimuth_deg);
    const Similarity similarity = between(cameras[i], to, spin.ground_z);
    for (const Eigen::Vector2d& point : outline(masked_pictures[i], kVisible)) {
      const Eigen::Vector2d placed = similarity.linear * point + similarity.offset;
      aside = std::max(aside, std::abs(placed.x() - spin.centre_u));
      top = std::min(top, placed.y());
      bottom = std::max(bottom, placed.y());
    }
    wanted += ground_line(cameras[i], spin.ground_z) / static_cast<double>(cameras.size());
    below += ground_line(to, spin.ground_z) / static_cast<double>(cameras.size());
  }
  const double margin_x = kMargin * spin.width, margin_y = kMargin * spin.height;
  const double fits =
      std::min({1.0, (spin.centre_u - margin_x) / aside, (spin.height - 2 * margin_y) / (bottom - top)});
  spin.turntable.focal *= fits;
  const double highest = margin_y - fits * top, lowest = spin.height - margin_y - fits * bottom;
  spin.centre_v = std::max(highest, std::min(lowest, wanted - fits * below));
  return spin;
}

}  // namespace spinfill
